import { CopyButton } from './lists/listing.tsx'

/** A secret that is shown once. */
export function Secret({ what, value, children }: { what: string; value: string | null; children?: string }) {
  if (value === null) return <p>The {what} was shown before and is not shown again.</p>
  return (
    <>
      <p>
        <strong>Copy the {what} now: it is not shown again.</strong> {children}
      </p>
      <pre class="card">
        <code>{value}</code>
      </pre>
      <div class="actions">
        <CopyButton text={value}>Copy</CopyButton>
      </div>
    </>
  )
}
