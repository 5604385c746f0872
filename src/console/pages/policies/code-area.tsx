import { useRef } from 'preact/hooks'

/** A text with numbered lines, of which some are marked. */
export function CodeArea({
  label,
  value,
  marked,
  describedBy,
  onChange,
}: {
  label: string
  value: string
  /** Lines with an error, from 1. */
  marked: ReadonlySet<number>
  describedBy: string
  onChange: (value: string) => void
}) {
  const gutter = useRef<HTMLPreElement>(null)
  const lines = value.split('\n').length
  return (
    <div class="code">
      <pre ref={gutter} class="gutter" aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => (
          <span key={i} data-marked={marked.has(i + 1) || undefined}>
            {i + 1}
          </span>
        ))}
      </pre>
      <textarea
        aria-label={label}
        aria-describedby={describedBy}
        aria-invalid={marked.size > 0 || undefined}
        wrap="off"
        spellcheck={false}
        autocomplete="off"
        rows={26}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
        onScroll={({ currentTarget }) => {
          if (gutter.current) gutter.current.scrollTop = currentTarget.scrollTop
        }}
      />
    </div>
  )
}

/** Focuses a line of the text, and selects it. */
export function showLine(line: number): void {
  const area = document.querySelector<HTMLTextAreaElement>('.code textarea')
  if (!area) return
  const lines = area.value.split('\n')
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0)
  area.focus()
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0))
  area.scrollTop = (area.scrollHeight / lines.length) * Math.max(0, line - 6)
}
