import { statesText } from '../policies/expectation.ts'
import { type CurrentFinding, vantageText } from './current-finding.ts'
import { portText } from './port-text.ts'

/** Findings as text for a ticket: what is wrong, what must be, and the page of each. */
export const selectionText = (
  findings: readonly CurrentFinding[],
  urlOf: (finding: CurrentFinding) => string,
): string =>
  findings
    .map((finding) => {
      const { severity, target, title, rule, policy, result, state, expected, reason } = finding
      const must = expected ? `, must be ${statesText({ ...expected.expect })}` : ''
      return [
        `[${severity ?? 'no severity'}] ${target}: ${title ?? rule}`,
        `  ${result}: ${expected ? `${portText(expected)} is ` : ''}${state} from ${vantageText(finding)}${must}`,
        `  ${reason.message}`,
        `  ${rule} of ${policy}, ${urlOf(finding)}`,
      ].join('\n')
    })
    .join('\n\n')
