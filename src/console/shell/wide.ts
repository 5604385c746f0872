import { signal } from '@preact/signals'

const media = matchMedia('(width >= 1100px)')

/** Whether the navigation has room beside the page. */
export const isWide = signal(media.matches)
media.addEventListener('change', () => {
  isWide.value = media.matches
})
