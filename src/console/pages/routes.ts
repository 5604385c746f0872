import type { ComponentType } from 'preact'
import type { PageProps } from '../parts/page.tsx'

export interface Route {
  /** Below `/ui`; `:name` is a parameter. */
  path: string
  load(): Promise<{ default: ComponentType<PageProps> }>
  /** Whether it fills the window: neither header nor navigation are shown. */
  isAlone?: true
  /** The entry in the navigation; none for pages that others lead to. */
  entry?: { label: string; group: 'Status' | 'Work' | 'Set-up'; key?: string }
}

/** Every page. Each is a file of its own that loads when it is needed. */
export const routes: readonly Route[] = [
  {
    path: '/',
    load: () => import('./overview/overview.tsx'),
    entry: { label: 'Overview', group: 'Status', key: 'o' },
  },
  {
    path: '/findings',
    load: () => import('./findings/findings.tsx'),
    entry: { label: 'Findings', group: 'Status', key: 'f' },
  },
  { path: '/findings/:fingerprint', load: () => import('./findings/finding.tsx') },
  {
    path: '/matrix',
    load: () => import('./matrix/matrix.tsx'),
    entry: { label: 'Matrix', group: 'Status', key: 'm' },
  },
  {
    path: '/flows',
    load: () => import('./flows/flows.tsx'),
    entry: { label: 'Flow map', group: 'Status', key: 'w' },
  },
  {
    path: '/drift',
    load: () => import('./drift/drift.tsx'),
    entry: { label: 'Drift', group: 'Status', key: 'd' },
  },
  {
    path: '/controls',
    load: () => import('./controls/controls.tsx'),
    entry: { label: 'Controls', group: 'Status', key: 'c' },
  },
  {
    path: '/unknown',
    load: () => import('./unknown/unknown.tsx'),
    entry: { label: 'Not known', group: 'Status', key: 'u' },
  },
  { path: '/unknown/targets', load: () => import('./unknown/unknown-targets.tsx') },
  {
    path: '/certificates',
    load: () => import('./certificates/certificates.tsx'),
    entry: { label: 'Certificates', group: 'Status', key: 'e' },
  },
  { path: '/search', load: () => import('./search/search.tsx') },
  { path: '/audits', load: () => import('./audits/audits.tsx'), entry: { label: 'Audits', group: 'Work', key: 'a' } },
  { path: '/audits/new', load: () => import('./audits/new-audit.tsx') },
  { path: '/audits/:id', load: () => import('./audits/audit.tsx') },
  {
    path: '/approvals',
    load: () => import('./exceptions/approvals.tsx'),
    entry: { label: 'Approvals', group: 'Work', key: 'b' },
  },
  {
    path: '/windows',
    load: () => import('./exceptions/windows.tsx'),
    entry: { label: 'Windows', group: 'Work', key: 'i' },
  },
  { path: '/windows/new', load: () => import('./exceptions/new-window.tsx') },
  { path: '/windows/:id', load: () => import('./exceptions/window.tsx') },
  {
    path: '/waivers',
    load: () => import('./exceptions/waivers.tsx'),
    entry: { label: 'Waivers', group: 'Work', key: 'x' },
  },
  { path: '/waivers/new', load: () => import('./exceptions/new-waiver.tsx') },
  { path: '/waivers/:id', load: () => import('./exceptions/waiver.tsx') },
  {
    path: '/reports',
    load: () => import('./reports/reports.tsx'),
    entry: { label: 'Reports', group: 'Status', key: 'r' },
  },
  { path: '/reports/compliance', load: () => import('./reports/compliance.tsx') },
  { path: '/reports/failures', load: () => import('./reports/failures.tsx') },
  { path: '/reports/controls', load: () => import('./reports/controls.tsx') },
  { path: '/reports/digest', load: () => import('./reports/digest.tsx') },
  { path: '/wall', load: () => import('./wall/wall.tsx'), isAlone: true },
  { path: '/tickets/:id', load: () => import('./tickets/ticket.tsx') },
  {
    path: '/targets',
    load: () => import('./targets/targets.tsx'),
    entry: { label: 'Targets', group: 'Set-up', key: 't' },
  },
  // No name is a hyphen.
  { path: '/targets/-/new', load: () => import('./targets/new-target.tsx') },
  { path: '/targets/-/import', load: () => import('./targets/import-targets.tsx') },
  { path: '/targets/:name/edit', load: () => import('./targets/edit-target.tsx') },
  { path: '/targets/:name', load: () => import('./targets/target.tsx') },
  {
    path: '/policies',
    load: () => import('./policies/policies.tsx'),
    entry: { label: 'Policies', group: 'Set-up', key: 'p' },
  },
  { path: '/policies/-/new', load: () => import('./policies/editor.tsx') },
  { path: '/policies/:name/edit', load: () => import('./policies/editor.tsx') },
  { path: '/policies/:name', load: () => import('./policies/policy.tsx') },
  {
    path: '/vantages',
    load: () => import('./vantages/vantages.tsx'),
    entry: { label: 'Vantages', group: 'Set-up', key: 'v' },
  },
  {
    path: '/schedules',
    load: () => import('./schedules/schedules.tsx'),
    entry: { label: 'Schedules', group: 'Work', key: 's' },
  },
  { path: '/schedules/-/new', load: () => import('./schedules/schedule-form.tsx') },
  { path: '/schedules/:name/edit', load: () => import('./schedules/schedule-form.tsx') },
  { path: '/schedules/:name', load: () => import('./schedules/schedule.tsx') },
  {
    path: '/baselines',
    load: () => import('./baselines/baselines.tsx'),
    entry: { label: 'Baselines', group: 'Work', key: 'n' },
  },
  { path: '/baselines/:name', load: () => import('./baselines/baseline.tsx') },
  {
    path: '/keys',
    load: () => import('./keys/keys.tsx'),
    entry: { label: 'Keys', group: 'Set-up', key: 'k' },
  },
  {
    path: '/webhooks',
    load: () => import('./webhooks/webhooks.tsx'),
    entry: { label: 'Webhooks', group: 'Set-up', key: 'h' },
  },
  { path: '/webhooks/:id', load: () => import('./webhooks/webhook.tsx') },
  {
    path: '/ledger',
    load: () => import('./ledger/ledger.tsx'),
    entry: { label: 'Ledger', group: 'Set-up', key: 'l' },
  },
  ...(import.meta.env.DEV || import.meta.env.MODE === 'parts'
    ? [{ path: '/parts', load: () => import('./parts/parts.tsx') }]
    : []),
]
