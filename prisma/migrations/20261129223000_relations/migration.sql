-- Relations of tables that get a few rows for each audit or event. Findings, spans, series and states of baselines have none:
-- docs/architecture.md has the figures.

DELETE FROM webhook_delivery d WHERE NOT EXISTS (SELECT FROM webhook w WHERE w.id = d.webhook_id)
  OR NOT EXISTS (SELECT FROM webhook_event e WHERE e.id = d.event_id);
DELETE FROM webhook_ticket t WHERE NOT EXISTS (SELECT FROM webhook w WHERE w.id = t.webhook_id);
DELETE FROM baseline_approval a WHERE NOT EXISTS (SELECT FROM baseline b WHERE b.name = a.baseline);
DELETE FROM batch b WHERE NOT EXISTS (SELECT FROM audit a WHERE a.id = b.audit_id);

ALTER TABLE audit ADD CONSTRAINT audit_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES policy (id) ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE batch ADD CONSTRAINT batch_audit_id_fkey FOREIGN KEY (audit_id) REFERENCES audit (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE batch ADD CONSTRAINT batch_vantage_id_fkey FOREIGN KEY (vantage_id) REFERENCES vantage (id) ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE baseline_approval ADD CONSTRAINT baseline_approval_baseline_fkey FOREIGN KEY (baseline) REFERENCES baseline (name) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhook (id) ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_event_id_fkey FOREIGN KEY (event_id) REFERENCES webhook_event (id) ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE webhook_ticket ADD CONSTRAINT webhook_ticket_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhook (id) ON DELETE CASCADE ON UPDATE CASCADE;
