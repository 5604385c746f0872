/** What frameworks call themselves, and the controls that rules of ports can serve. A policy may name any others. */
export const frameworks: Readonly<Record<string, { title: string; controls: Readonly<Record<string, string>> }>> = {
  'NIST-800-53': {
    title: 'NIST SP 800-53 Rev. 5',
    controls: {
      'AC-17': 'Remote Access',
      'CM-7': 'Least Functionality',
      'SC-7': 'Boundary Protection',
      'SC-8': 'Transmission Confidentiality and Integrity',
      'SC-13': 'Cryptographic Protection',
    },
  },
  'PCI-DSS-4.0.1': {
    title: 'PCI DSS 4.0.1',
    controls: {
      '1.2.5': 'Allowed services, protocols and ports are identified and approved, and have a business need',
      '1.2.6': 'Security features mitigate the risk of insecure services, protocols and ports',
      '1.2.7': 'Configurations of network security controls are reviewed every six months',
      '1.4.2': 'Inbound traffic from untrusted networks to trusted networks is restricted',
      '2.2.4': 'Only necessary services, protocols, daemons and functions are enabled',
      '2.2.5': 'Insecure services that are present have a business need and are secured',
      '2.2.7': 'Non-console administrative access is encrypted with strong cryptography',
      '4.2.1': 'Strong cryptography protects card numbers on open, public networks',
    },
  },
  'ISO-27001': {
    title: 'ISO/IEC 27001:2022, Annex A',
    controls: {
      'A.8.20': 'Networks security',
      'A.8.21': 'Security of network services',
      'A.8.22': 'Segregation of networks',
      'A.8.24': 'Use of cryptography',
    },
  },
  'CIS-8.1': {
    title: 'CIS Controls 8.1',
    controls: {
      '3.10': 'Encrypt Sensitive Data in Transit',
      '4.4': 'Implement and Manage a Firewall on Servers',
      '4.6': 'Securely Manage Enterprise Assets and Software',
      '4.8': 'Uninstall or Disable Unnecessary Services on Enterprise Assets and Software',
      '13.4': 'Perform Traffic Filtering Between Network Segments',
    },
  },
}
