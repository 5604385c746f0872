// ServiceNow, script of a business rule or flow action on change_request: asks for an audit when the change is implemented,
// and writes the verdict into its work notes. System properties: portwarden.url, portwarden.key (a key with audits:run).
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
      // A repetition of the rule makes no second audit for a week. For another one of the same change, after a repair, another
      // key is needed: add for example current.getValue('sys_mod_count').
      request.setRequestHeader('Idempotency-Key', String(current.getValue('number')))
      request.setRequestBody(JSON.stringify(body))
    }
    var response = request.execute()
    var answer = JSON.parse(response.getBody())
    if (response.getStatusCode() >= 400) throw new Error(answer.detail || answer.title)
    return answer
  }

  try {
    var audit = send('POST', '/v1/audits', {
      policy: gs.getProperty('portwarden.policy'),
      targets: [String(current.getDisplayValue('cmdb_ci'))],
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
