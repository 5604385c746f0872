/**
 * One reason code: a sentence that a person can act on, and the subject of the code.
 * - `peer`: the other side did it. Conclusive, so a rule can be judged on it.
 * - `us`: a failure of the prober or its network, never the target's state. Findings become `unknown`.
 * - `setup`: an operator must act first. Findings become `error`.
 * - `rule`: written by the judge or the plan, never by a probe.
 */
export interface Reason {
  about: 'peer' | 'us' | 'setup' | 'rule'
  message: string
  /** As a violation it leaves the finding `unknown`. */
  undecided?: true
  /** The vantage can never reach the address, independent of the target: other addresses of the host can decide alone. */
  leavesOut?: true
}
export type Reasons = Readonly<Record<string, Reason>>

/** The reason codes that belong to no single protocol. */
export const sharedReasons = {
  // states of an endpoint
  'connection-refused': {
    about: 'peer',
    message:
      'The connection was refused: no listener, or a firewall that rejects with a reset, or with an ICMP message that the vantage cannot see.',
  },
  'no-response': {
    about: 'peer',
    message:
      'Nothing responded before the deadline, in every try: packets are dropped, the accept queue is full, or the host is absent.',
  },
  'udp-no-response': {
    about: 'peer',
    message:
      'No datagram and no ICMP message came in any try: the port is open and silent, filtered, or the host is absent (open|filtered in the words of nmap).',
    undecided: true,
  },
  'icmp-port-unreachable': {
    about: 'peer',
    message: 'An ICMP message says that the port is unreachable: no listener, or a firewall that rejects in this way.',
  },
  'icmp-prohibited': { about: 'peer', message: 'An ICMP message says that a filter or the host rejects this traffic.' },
  'icmp-unreachable': {
    about: 'peer',
    message:
      'An ICMP message rejects this traffic or reports that the host is unreachable; the connector of the vantage knows neither its code nor its sender.',
  },
  'icmp-not-forwarded': {
    about: 'peer',
    message:
      'An ICMP message says that the packets could not be forwarded: a routing loop, a packet that is too big, or a header that was not understood.',
  },
  'host-unreachable': {
    about: 'peer',
    message: 'No host was found at this address: address resolution failed, or a router reports the host unreachable.',
  },
  'network-unreachable': { about: 'peer', message: 'A router on the way reports that the network is unreachable.' },
  'name-not-found': {
    about: 'peer',
    message:
      'The host name does not exist, or has no address, for the resolver of the vantage: correct the target, or DNS.',
  },

  'no-address-of-family': {
    about: 'peer',
    message: 'The host has no address of an IP family that the rule names.',
  },

  // what an open port did, in any protocol
  'connection-reset': {
    about: 'peer',
    message: 'The peer accepted the connection and reset it before the protocol was complete.',
  },
  'connection-closed': {
    about: 'peer',
    message: 'The peer accepted the connection and closed it before the protocol was complete.',
  },
  'protocol-timeout': {
    about: 'peer',
    message: 'The port is open, yet the peer did not complete the protocol before the deadline.',
    undecided: true,
  },
  'protocol-mismatch': {
    about: 'peer',
    message: 'The port is open, yet it does not speak the protocol that the rule expects.',
  },
  'protocol-violation': { about: 'peer', message: 'The peer broke the protocol: its response cannot be believed.' },
  'response-too-large': {
    about: 'peer',
    message:
      'The response, or its list of addresses, is larger than a probe accepts; the rest was not read or not kept.',
    undecided: true,
  },

  // failures of the vantage
  'dns-unavailable': {
    about: 'us',
    message:
      'The name servers of the vantage did not respond, or reported a failure, so the name could not be resolved.',
  },
  'no-local-route': {
    about: 'us',
    message:
      'The vantage itself cannot route packets to this address: it has no route, a route that rejects them, or a gateway that does not respond.',
  },
  'ip-family-missing': {
    about: 'us',
    leavesOut: true,
    message:
      'The vantage has only the other IP family of the host (IPv4 or IPv6), so no packet was sent to this address.',
  },
  'descriptors-exhausted': {
    about: 'us',
    message: 'The vantage ran out of file descriptors: raise its limit or lower its concurrency.',
  },
  'ports-exhausted': { about: 'us', message: 'The vantage ran out of ephemeral ports for this destination.' },
  'local-resources': { about: 'us', message: 'The vantage ran out of memory or socket buffers.' },
  'local-denied': {
    about: 'us',
    message:
      'The operating system of the vantage refused the connection: a local firewall, a prohibit route or a security policy.',
  },
  'local-failure': {
    about: 'us',
    message:
      'The vantage failed in a way of its own, which is no state of the target; its log has errors of the probe.',
  },
  'vantage-offline': {
    about: 'us',
    message: 'No canary endpoint was open to the vantage, so none of its observations is believed.',
  },
  'vantage-absent': {
    about: 'us',
    message: 'The vantage was absent before the audit began and did not return in time: start its worker or agent.',
  },
  'vantage-removed': { about: 'us', message: 'The vantage was removed before this check was made.' },
  'audit-deadline': {
    about: 'us',
    message: 'The deadline of the audit came before this check was made: allow more time, or add workers.',
  },
  'audit-canceled': { about: 'us', message: 'The audit was canceled before this check was made.' },

  // an operator must act first
  'invalid-host': { about: 'setup', message: 'The host is neither a plain IP address nor a valid host name.' },
  'egress-denied': {
    about: 'setup',
    leavesOut: true,
    message:
      'The egress policy does not allow this address and port, so no packet was sent: see PORTWARDEN_ALLOW. It never allows endpoints of the service itself, link-local addresses and metadata services.',
  },
  'credential-unavailable': {
    about: 'setup',
    message: 'The credential reference is not known at this vantage, or its source could not be read.',
  },
  'credential-not-allowed': {
    about: 'setup',
    message: 'The credential is not allowed for this destination, so it was not sent.',
  },
  'credential-withheld': {
    about: 'setup',
    message:
      'The directory did not accept an earlier bind of this account, so the credential was not sent: `bindWithheld` in the facts names that bind.',
  },
  'credential-unsettled': {
    about: 'us',
    message:
      'The credential was not sent, because the result of another bind of this account is not known: `bindWithheld` in the facts names that bind, unless the service did not respond.',
  },
  'agent-outdated': {
    about: 'setup',
    message:
      'The agent of the vantage is of a version that does not ask before it binds, so it got no check with a credential: update it.',
  },
  'batch-failed': {
    about: 'setup',
    message: 'The batch with this check failed in every try; the log of the worker has the cause.',
  },
  'observation-refused': {
    about: 'setup',
    message:
      'The agent delivered no valid observation of this check; its log names the issue. Run the version of the service.',
  },
  'expectation-not-supported': {
    about: 'setup',
    message:
      'The rule has fields or values that this version cannot judge for its probe: correct the policy, or update the service.',
  },

  // written by the judge and the plan
  'as-expected': { about: 'rule', message: 'The observation is what the rule expects.' },
  'addresses-left-out': {
    about: 'rule',
    message:
      'The observation is what the rule expects at every address that the vantage may and can reach. The host has other addresses, of which nothing is known.',
  },
  'silence-accepted': {
    about: 'rule',
    message:
      'The rule accepts silence. No other port of the host that the policy names responded: the host may be absent, so this does not prove that the port is closed.',
  },
  'host-silent': {
    about: 'rule',
    message:
      'The rule demands a host that responds, and neither this port nor another port that the policy names responded: the host may be absent, or a filter drops everything from here.',
    undecided: true,
  },
  'unexpected-state': { about: 'rule', message: 'The port is open, and the rule does not allow that.' },
  'facts-missing': {
    about: 'rule',
    message: 'The probe did not obtain the facts that the rule needs.',
    undecided: true,
  },
  'pair-incomplete': {
    about: 'rule',
    message: 'The rule compares the observations of two sides, and one of them is missing.',
  },
  'no-vantage-in-zone': { about: 'rule', message: 'No vantage belongs to a zone that the rule must be seen from.' },
  'condition-not-met': { about: 'rule', message: 'The condition of the rule is not met for this target.' },
} as const satisfies Reasons

export type SharedReason = keyof typeof sharedReasons

const known: Reasons = sharedReasons

/** Whether what a probe with this reason did not see may exist all the same: it waited in vain, or stopped reading. */
export const mayHaveMissed = (reason: string): boolean =>
  known[reason]?.about === 'peer' && known[reason].undecided === true
