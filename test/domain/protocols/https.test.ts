import { describe } from 'vitest'
import { testJudgements } from './judging.ts'

describe('https', () => {
  const http = { status: 200 }
  testJudgements('https', [
    [
      'a response passes',
      { tls: { minVersion: 'TLSv1.2' }, http: { answers: true } },
      { reason: 'http-responded', facts: { protocol: 'TLSv1.2', http } },
      'as-expected',
    ],
    [
      'a TLS server that does not respond to HTTP fails',
      { http: { answers: true } },
      { reason: 'tls-ok', facts: { protocol: 'TLSv1.2' } },
      'http-no-response',
    ],
    [
      'a peer that does not respond to HTTP in time is undecided',
      { http: { answers: true } },
      { reason: 'protocol-timeout', facts: { protocol: 'TLSv1.2' } },
      'protocol-timeout',
    ],
    [
      'TLS is judged first',
      { tls: { minVersion: 'TLSv1.3' }, http: { answers: true } },
      { reason: 'tls-ok', facts: { protocol: 'TLSv1.2' } },
      'tls-version-too-old',
    ],
    [
      'a request in clear shows nothing of TLS',
      { tls: { minVersion: 'TLSv1.2' } },
      { reason: 'connection-closed', facts: { plainHttp: { answered: false } } },
      'facts-missing',
    ],
    [
      'a request in clear shows nothing of HTTP inside TLS',
      { http: { answers: true } },
      { reason: 'http-responded', facts: { plainHttp: { answered: true, status: 200 } } },
      'facts-missing',
    ],
    [
      'no plain response passes',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: { plainHttp: { answered: false } } },
      'as-expected',
    ],
    [
      'a close without a plain response passes',
      { http: { plainServed: false } },
      { reason: 'connection-closed', facts: { plainHttp: { answered: false } } },
      'as-expected',
    ],
    [
      'silence after a plain request is undecided',
      { http: { plainServed: false } },
      { reason: 'protocol-timeout', facts: { plainHttp: { answered: false } } },
      'protocol-timeout',
    ],
    [
      'a plain 400 beside TLS on the port is the refusal of a plain request',
      { http: { plainServed: false } },
      { reason: 'http-responded', facts: { plainHttp: { answered: true, status: 400, tls: 'spoken' } } },
      'as-expected',
    ],
    [
      'a plain 400 without TLS on the port fails',
      { http: { plainServed: false } },
      { reason: 'http-responded', facts: { plainHttp: { answered: true, status: 400, tls: 'absent' } } },
      'plain-http-served',
    ],
    [
      'a plain 400 of an older observation, which says nothing of TLS, is undecided',
      { http: { plainServed: false } },
      { reason: 'http-responded', facts: { plainHttp: { answered: true, status: 400 } } },
      'plain-http-unclear',
    ],
    [
      'a plain 404 that is the response inside TLS too is undecided',
      { http: { plainServed: false } },
      {
        reason: 'http-responded',
        facts: { plainHttp: { answered: true, status: 404, tls: 'spoken', sameOverTls: true } },
      },
      'plain-http-unclear',
    ],
    [
      'data in clear that are no known protocol fail',
      { http: { plainServed: false } },
      { reason: 'protocol-mismatch', facts: { plainHttp: { answered: true, version: 'HTTP/0.9' }, spoke: 'other' } },
      'plain-data-served',
    ],
    [
      'a plain page fails',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: { plainHttp: { answered: true, status: 200 } } },
      'plain-http-served',
    ],
    [
      'a plain redirect fails, unless it leads to HTTPS',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: { plainHttp: { answered: true, status: 301 } } },
      'plain-http-served',
    ],
    [
      'where plain HTTP was not tried, it is unknown',
      { http: { plainServed: false } },
      { reason: 'tls-ok', facts: {} },
      'facts-missing',
    ],
  ])
})
