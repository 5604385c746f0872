#!/bin/sh
# A whole session with curl: targets come from a CSV file, an audit is asked for, its findings are read as CSV.
# Needs PORTWARDEN_URL and PORTWARDEN_KEY (scopes targets:write, audits:run).   sh curl-session.sh targets.csv TICKET
set -eu
call() { curl -sS --fail-with-body -H "Authorization: Bearer $PORTWARDEN_KEY" "$@"; }

call "$PORTWARDEN_URL/v1/targets/import" -H 'Content-Type: text/csv' --data-binary "@$1"
echo

# The ticket is the Idempotency-Key: asking again within a week answers the same audit. A further one needs another key, such as TICKET-2.
audit=$(call "$PORTWARDEN_URL/v1/audits" -H 'Content-Type: application/json' -H "Idempotency-Key: $2" -H 'Prefer: wait=15' -d "{
  \"policy\": \"${POLICY:-netwrix-endpoint-protector}\", \"targets\": { \"labels\": { \"ticket\": \"$2\" } }, \"correlationId\": \"$2\" }")
id=$(printf %s "$audit" | sed 's/.*"id":"\([^"]*\)".*/\1/')

# Prefer: wait answers after 15 seconds at the latest; then it is asked again.
until printf %s "$audit" | grep -Eq '"status":"(completed|failed|canceled)"'; do
  audit=$(call "$PORTWARDEN_URL/v1/audits/$id" -H 'Prefer: wait=15')
done
printf '%s\n' "$audit" | sed 's/.*"verdict":"\([^"]*\)".*/verdict: \1/'
call "$PORTWARDEN_URL/v1/audits/$id/findings" -H 'Accept: text/csv'
