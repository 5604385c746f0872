const paths = {
  back: 'M10 3 5 8l5 5',
  clock: 'M8 4v4l3 2M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z',
  close: 'm4 4 8 8m0-8-8 8',
  copy: 'M6 6h7v7H6zM10 3H3v7',
  download: 'M8 2v8m0 0 3-3m-3 3L5 7M3 13h10',
  forward: 'm6 3 5 5-5 5',
  menu: 'M2 4h12M2 8h12M2 12h12',
  person: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 14a6 6 0 0 1 12 0',
  search: 'm10.5 10.5 3.5 3.5M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Z',
  port: 'M4 7V3h8v4M4 9v4h8V9M8 2v12',
} as const

/** A decorative icon; the words beside it carry the meaning. */
export function Icon({ name }: { name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}
