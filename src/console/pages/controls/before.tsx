import { localInput } from '../../parts/time.tsx'
import { setQuery } from '../../url/location.ts'

/** Chooses an earlier time to compare with. */
export function Before({ value }: { value: string | undefined }) {
  return (
    <label class="field">
      Compare with
      <input
        type="datetime-local"
        value={value ? localInput(value) : ''}
        max={localInput(new Date().toISOString())}
        onChange={({ currentTarget }) => {
          const ms = Date.parse(currentTarget.value)
          setQuery({ before: Number.isNaN(ms) ? null : new Date(ms).toISOString() })
        }}
      />
    </label>
  )
}
