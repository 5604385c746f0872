import type { ComponentChildren } from 'preact'
import type { Resource } from '../api/resource.ts'
import { ProblemBlock } from './problem-block.tsx'

/** Shows a resource: a problem above what is known, and nothing before anything is known. */
export function ResourceView<T>({
  of: { value, problem, reload },
  children,
}: {
  of: Resource<T>
  children: (value: T) => ComponentChildren
}) {
  return (
    <>
      {problem && <ProblemBlock problem={problem} onRetry={reload} />}
      {value === undefined ? !problem && <div class="skeleton" /> : children(value)}
    </>
  )
}
