import { resultNames, type ShownResult } from './results.ts'
import { Glyph } from './verdict.tsx'

/** What colours and patterns mean: a swatch, a sign and a word for each result. `more` are swatches that parts.css knows by their text. */
export function Legend({ results, more = [] }: { results: readonly ShownResult[]; more?: readonly string[] }) {
  return (
    <ul class="legend" aria-label="Legend">
      {results.map((result) => (
        <li key={result}>
          <svg class="swatch" aria-hidden="true">
            <rect class="mark" data-result={result} width="100%" height="100%" />
          </svg>
          <Glyph result={result} />
          {resultNames[result]}
        </li>
      ))}
      {more.map((text) => (
        <li key={text}>
          <span class="swatch" data-kind={text} />
          {text}
        </li>
      ))}
    </ul>
  )
}
