/**
 * The closed list of reason codes: why an observation has its state, and why a finding has its result.
 * Each has one sentence that a person can act on. `about` says whom the code speaks of:
 * - `peer`: what the other side did. Conclusive, so a rule can be judged on it.
 * - `us`: trouble of the prober or its network. Never the target's state: findings become `unknown`.
 * - `setup`: something an operator must put right first. Findings become `error`.
 * - `rule`: written by the judge or the plan, never by a probe.
 */
export const reasons = {
  // states of an endpoint
  'tcp-connected': { about: 'peer', message: 'The port accepted a TCP connection.' },
  'connection-refused': {
    about: 'peer',
    message: 'The connection was refused: no listener, or a firewall that rejects with a reset or port-unreachable.',
  },
  'no-response': {
    about: 'peer',
    message: 'Nothing answered before the deadline, in every try: packets are dropped, or the accept queue is full.',
  },
  'icmp-prohibited': { about: 'peer', message: 'An ICMP message says that a filter or the host rejects this traffic.' },
  'host-unreachable': {
    about: 'peer',
    message: 'No host answers at this address on its network (address resolution failed).',
  },
  'network-unreachable': { about: 'peer', message: 'A router on the way reports that the network is unreachable.' },
  'name-not-found': {
    about: 'peer',
    message: 'The host name does not exist in DNS: correct the target, or the DNS zone.',
  },

  // what an open port spoke
  'connection-reset': {
    about: 'peer',
    message: 'The peer accepted the connection and then reset it without an answer.',
  },
  'connection-closed': {
    about: 'peer',
    message: 'The peer accepted the connection and then closed it without an answer.',
  },
  'protocol-timeout': {
    about: 'peer',
    message: 'The port is open, yet the peer did not complete the protocol before the deadline.',
  },
  'protocol-mismatch': {
    about: 'peer',
    message: 'The port is open, yet it does not speak the protocol that the rule expects.',
  },
  'protocol-violation': { about: 'peer', message: 'The peer broke the protocol: its answer cannot be believed.' },
  'response-too-large': { about: 'peer', message: 'The peer sent more than the probe accepts; the rest was not read.' },
  'tls-ok': { about: 'peer', message: 'The TLS handshake completed.' },
  'tls-alert': {
    about: 'peer',
    message: 'The peer refused the TLS handshake with an alert; its number is in the facts.',
  },
  'tls-client-certificate-required': {
    about: 'peer',
    message: 'The peer speaks TLS and asks for a client certificate.',
  },
  'tls-handshake-failed': { about: 'peer', message: 'The TLS handshake failed before a session was agreed.' },
  'http-responded': { about: 'peer', message: 'The port answered an HTTP request.' },
  'ssh-ok': { about: 'peer', message: 'The peer speaks SSH and proved its host key.' },
  'ssh-no-common-algorithm': {
    about: 'peer',
    message: 'The peer speaks SSH; no common key exchange, so its host key is not known.',
  },
  'ssh-refused': { about: 'peer', message: 'The peer speaks SSH and ended the connection before the key exchange.' },
  'ssh-signature-invalid': {
    about: 'peer',
    message: 'The peer could not prove its SSH host key: the signature is wrong. Treat as an interception.',
  },
  'ldap-responded': { about: 'peer', message: 'The port answers LDAP.' },
  'ldap-starttls-refused': {
    about: 'peer',
    message: 'The peer answers LDAP and refuses StartTLS: give the directory a certificate, or use LDAPS.',
  },
  'ldap-starttls-injection': {
    about: 'peer',
    message: 'Plaintext followed the StartTLS answer: the channel is tampered with, and no credential was sent.',
  },
  'ldap-channel-unverified': {
    about: 'peer',
    message:
      'The channel to the directory could not be verified, so no credential was sent: see trust, name, dates and strength in the TLS facts.',
  },
  'ldap-bind-ok': { about: 'peer', message: 'The bind succeeded over a verified channel.' },
  'ldap-stronger-auth-required': {
    about: 'peer',
    message: 'The directory is reachable and demands protection of the bind: use StartTLS or LDAPS.',
  },
  'ldap-confidentiality-required': {
    about: 'peer',
    message: 'The directory is reachable and demands encryption: use StartTLS or LDAPS.',
  },
  'ldap-anonymous-refused': {
    about: 'peer',
    message: 'The directory is reachable and does not allow anonymous access.',
  },
  'ldap-invalid-credentials': {
    about: 'peer',
    message: 'The directory is reachable and refuses user or password. It was tried once, and not again.',
  },
  'ldap-logon-hours': {
    about: 'peer',
    message: 'The directory is reachable; the account may not log on at this hour.',
  },
  'ldap-workstation-not-allowed': {
    about: 'peer',
    message: 'The directory is reachable; the account may not log on from this workstation.',
  },
  'ldap-password-expired': {
    about: 'peer',
    message: 'The directory is reachable; the password of the account has expired.',
  },
  'ldap-account-disabled': { about: 'peer', message: 'The directory is reachable; the account is disabled.' },
  'ldap-account-expired': { about: 'peer', message: 'The directory is reachable; the account has expired.' },
  'ldap-password-must-change': {
    about: 'peer',
    message: 'The directory is reachable; the password of the account must be changed first.',
  },
  'ldap-account-locked': { about: 'peer', message: 'The directory is reachable; the account is locked.' },
  'ldap-invalid-dn': {
    about: 'peer',
    message: 'The directory is reachable and cannot read the user as a name: correct the credential.',
  },
  'ldap-unwilling': { about: 'peer', message: 'The directory is reachable and unwilling to perform the bind.' },
  'ldap-bind-refused': {
    about: 'peer',
    message: 'The directory is reachable and refused the bind; the result code is in the facts.',
  },

  // our own trouble
  'dns-unavailable': {
    about: 'us',
    message: 'The name servers of the vantage did not answer, so the name could not be resolved.',
  },
  'no-local-route': { about: 'us', message: 'The vantage itself has no route to this address.' },
  'descriptors-exhausted': {
    about: 'us',
    message: 'The vantage ran out of file descriptors: raise its limit or lower its concurrency.',
  },
  'ports-exhausted': { about: 'us', message: 'The vantage ran out of ephemeral ports for this destination.' },
  'local-resources': { about: 'us', message: 'The vantage ran out of memory or socket buffers.' },
  'local-denied': {
    about: 'us',
    message: 'The operating system of the vantage refused the connection: a local firewall or a security policy.',
  },
  'local-failure': { about: 'us', message: 'The vantage failed in a way of its own; its log has the details.' },
  'vantage-offline': {
    about: 'us',
    message: 'The canary endpoints of the vantage did not answer, so nothing it saw is believed.',
  },
  'vantage-absent': {
    about: 'us',
    message: 'The vantage was not seen until the deadline of the audit: start its worker or agent.',
  },
  'audit-deadline': {
    about: 'us',
    message: 'The deadline of the audit came before this check was made: allow more time, or add workers.',
  },
  'audit-canceled': { about: 'us', message: 'The audit was canceled before this check was made.' },

  // an operator must act first
  'invalid-host': { about: 'setup', message: 'The host is neither a plain IP address nor a valid host name.' },
  'egress-denied': {
    about: 'setup',
    message: 'The egress policy does not allow this address, so no packet was sent: see PORTWARDEN_ALLOW.',
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
    message: 'The credential was refused at another address of this host, so it was not sent again.',
  },
  'batch-failed': {
    about: 'setup',
    message: 'The batch with this check failed in every try; the log of the worker has the cause.',
  },

  // the judge's own
  'as-expected': { about: 'rule', message: 'What was seen is what the rule expects.' },
  'unexpected-state': { about: 'rule', message: 'The state of the port is not one that the rule allows.' },
  'tls-version-too-old': { about: 'rule', message: 'The agreed TLS version is older than the rule allows.' },
  'tls-old-version-accepted': { about: 'rule', message: 'The peer accepts a TLS version that the rule forbids.' },
  'tls-version-not-tested': {
    about: 'rule',
    message: 'A TLS version that the rule forbids could not be offered from here, so it is not known.',
  },
  'certificate-expired': { about: 'rule', message: 'The certificate has expired.' },
  'certificate-not-yet-valid': { about: 'rule', message: 'The certificate is not valid yet.' },
  'certificate-expires-soon': {
    about: 'rule',
    message: 'The certificate expires sooner than the rule allows: renew it.',
  },
  'certificate-name-mismatch': { about: 'rule', message: 'The certificate does not name this host.' },
  'certificate-untrusted': { about: 'rule', message: 'The certificate chain does not lead to a trusted authority.' },
  'http-no-response': { about: 'rule', message: 'The port did not answer HTTP.' },
  'plain-http-served': { about: 'rule', message: 'The port serves plain HTTP without encryption.' },
  'ssh-not-spoken': { about: 'rule', message: 'The port is open and does not speak SSH.' },
  'ssh-version-too-old': { about: 'rule', message: 'The SSH protocol version is older than the rule allows.' },
  'ssh-host-key-mismatch': { about: 'rule', message: 'The SSH host key is not one that the rule pins.' },
  'ssh-algorithm-forbidden': { about: 'rule', message: 'The SSH server offers an algorithm that the rule forbids.' },
  'ldap-no-response': { about: 'rule', message: 'The port is open and does not answer LDAP.' },
  'ldap-not-active-directory': { about: 'rule', message: 'The directory answers LDAP and is not Active Directory.' },
  'ldap-plain-bind-allowed': {
    about: 'rule',
    message:
      'The directory takes a simple bind in clear: demand signing or TLS, so that no password crosses the network.',
  },
  'ldap-channel-not-allowed': {
    about: 'rule',
    message: 'The directory was reached over a channel that the rule does not allow.',
  },
  'facts-missing': { about: 'rule', message: 'The probe could not see what the rule asks about.' },
  'pair-incomplete': {
    about: 'rule',
    message: 'The rule compares what two places see, and one of the observations is missing.',
  },
  'no-vantage-in-zone': { about: 'rule', message: 'No vantage belongs to a zone that the rule must be seen from.' },
  'condition-not-met': { about: 'rule', message: 'The condition of the rule is not met for this target.' },
} as const satisfies Record<string, { about: 'peer' | 'us' | 'setup' | 'rule'; message: string }>

export type ReasonCode = keyof typeof reasons
export const reasonCodes = Object.keys(reasons) as ReasonCode[]

/** The present codes of renamed reasons: stored findings and signed evidence keep the code of their time. */
export const renamedReasons = {
  'no-answer': 'no-response',
  'answer-too-large': 'response-too-large',
  'http-answered': 'http-responded',
  'http-not-answered': 'http-no-response',
  'ldap-answered': 'ldap-responded',
  'ldap-not-answered': 'ldap-no-response',
} as const satisfies Record<string, ReasonCode>

/** A reason as the API shows it. */
export const describeReason = (code: ReasonCode) => ({ code, message: reasons[code].message })
