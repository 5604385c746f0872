import type { TargetInput } from '../../src/store/inventory/targets.ts'

/** A target with a value in every field that callers set: a field that is missing does not compile. */
export const fullTarget: Required<TargetInput> = {
  name: 'epp-01',
  address: '10.0.0.5',
  roles: ['epp', 'ui'],
  labels: { site: 'hq', 'team/name': 'it' },
  params: { sshPort: 2222, domainController: 'dc1.test', strict: true },
  externalId: 'CI-1',
}

/** The fields of a target that was created with a name and an address alone. */
export const emptyFields: Omit<Required<TargetInput>, 'name' | 'address'> = {
  roles: [],
  labels: {},
  params: {},
  externalId: null,
}
