// ServiceNow, script of a business rule or flow action on change_request: audits the server when the change is implemented, and writes
// the verdict into the work notes. The externalId of a target is the sys_id of its configuration item, so a renamed server is still found.
// System properties: portwarden.url, portwarden.policy, portwarden.key (a key with audits:run).
(function executeRule(current, previous) {
  var base = gs.getProperty('portwarden.url')

  function send(method, path, body) {
    var request = new sn_ws.RESTMessageV2()
    request.setEndpoint(base + path)
    request.setHttpMethod(method)
    request.setRequestHeader('Authorization', 'Bearer ' + gs.getProperty('portwarden.key'))
    request.setRequestHeader('Prefer', 'wait=15')
    request.setHttpTimeout(20000)
    if (body) {
      request.setRequestHeader('Content-Type', 'application/json')
      // If the rule runs again within a week, it gets the same audit. A new audit of the same change needs another key:
      // add for example current.getValue('sys_mod_count').
      request.setRequestHeader('Idempotency-Key', String(current.getValue('number')))
      request.setRequestBody(JSON.stringify(body))
    }
    var response = request.execute()
    var result = JSON.parse(response.getBody())
    if (response.getStatusCode() >= 400) throw new Error(result.detail || result.title)
    return result
  }

  try {
    var audit = send('POST', '/v1/audits', {
      policy: gs.getProperty('portwarden.policy'),
      targets: [{ externalId: String(current.getValue('cmdb_ci')) }],
      correlationId: String(current.getValue('number')),
    })
    for (var i = 0; i < 4 && (audit.status === 'queued' || audit.status === 'running'); i += 1)
      audit = send('GET', '/v1/audits/' + audit.id)
    var verdict = audit.verdict === null ? audit.status : audit.verdict
    current.work_notes = 'Portwarden: ' + verdict + ', ' + audit.counts.fail + ' failed, ' + base + '/v1/audits/' + audit.id
    current.update()
  } catch (error) {
    gs.error('Portwarden: ' + error.message)
  }
})(current, previous)
