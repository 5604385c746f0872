/** Who acted: by name, and by id where the API knows none. */
export function Actor({ id, name }: { id: string; name: string | null }) {
  return name === null ? <code>{id}</code> : <span title={id}>{name}</span>
}
