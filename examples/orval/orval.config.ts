// What orval generates: one function for each operation, all of which send their requests with request.ts.
export default {
  portwarden: {
    input: '../../openapi/openapi-3.0.json',
    output: {
      target: 'portwarden.ts',
      client: 'fetch',
      override: {
        mutator: { path: 'request.ts', name: 'request' },
        fetch: { includeHttpResponseReturnType: false },
      },
    },
  },
}
