/** Session settings that a database or a role may have: each is valid, and none is the default. */
export const hostile = {
  datestyle: 'German',
  intervalstyle: 'iso_8601',
  timezone: 'Asia/Kathmandu',
  client_encoding: 'LATIN1',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  row_security: 'off',
  gin_fuzzy_search_limit: '1',
  exit_on_error: 'on',
  'plpgsql.extra_errors': 'all',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  idle_session_timeout: '1',
  lock_timeout: '1',
  statement_timeout: '1',
  idle_in_transaction_session_timeout: '1',
}

/** The statements that give the database of a URL every one of them. */
export const hostileSettings = (url: string): string[] =>
  Object.entries(hostile).map(
    ([name, value]) => `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET ${name} = '${value}'`,
  )
