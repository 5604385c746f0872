#!/bin/sh
# A session with curl: imports targets from a CSV file, audits them, and prints the findings as CSV.
# Needs PORTWARDEN_URL and PORTWARDEN_KEY (scopes targets:write, audits:run).   sh curl-session.sh targets.csv TICKET
set -eu
call() { curl -sS --fail-with-body -H "Authorization: Bearer $PORTWARDEN_KEY" "$@"; }

call "$PORTWARDEN_URL/v1/targets/import" -H 'Content-Type: text/csv' --data-binary "@$1"
echo

# The ticket is the Idempotency-Key: a repeated request within a week returns the same audit. Another audit needs another key, such as TICKET-2.
audit=$(call "$PORTWARDEN_URL/v1/audits" -H 'Content-Type: application/json' -H "Idempotency-Key: $2" -H 'Prefer: wait=15' -d "{
  \"policy\": \"${POLICY:-netwrix-endpoint-protector}\", \"targets\": { \"labels\": { \"ticket\": \"$2\" } }, \"correlationId\": \"$2\" }")
id=$(printf %s "$audit" | sed 's/.*"id":"\([^"]*\)".*/\1/')

# Prefer: wait responds after at most 15 seconds; then the audit is polled again.
until printf %s "$audit" | grep -Eq '"status":"(completed|failed|canceled)"'; do
  audit=$(call "$PORTWARDEN_URL/v1/audits/$id" -H 'Prefer: wait=15')
done
printf '%s\n' "$audit" | sed 's/.*"verdict":"\([^"]*\)".*/verdict: \1/'
call "$PORTWARDEN_URL/v1/audits/$id/findings" -H 'Accept: text/csv'
