-- Statements of the story, called by name. Every row that the story makes has an e-mail address at story.example.

-- add_lead: a row; its key
INSERT INTO public.leads (name, email, company, amount) VALUES (%(name)s, %(email)s, 'Acme', 100) RETURNING lead_id;

-- add_many: many rows in one statement; their keys
INSERT INTO public.leads (name, email, company, status, amount, follow_up, notes)
SELECT 'Bulk ' || n, 'bulk.' || n || '.' || %(story)s || '@story.example', 'Bulk Goods', 'contacted', n, '2026-12-01', 'many'
FROM generate_series(1, %(count)s) n RETURNING lead_id;

-- row: a whole row
SELECT * FROM public.leads WHERE lead_id = %(key)s;

-- key_of: the key of a row by its e-mail address
SELECT lead_id FROM public.leads WHERE email = %(email)s;

-- keys_of_many: the keys of the rows that add_many made
SELECT lead_id FROM public.leads WHERE email LIKE 'bulk.%%.' || %(story)s || '@story.example' ORDER BY lead_id;

-- count_pasted: how many of the pasted rows are there
SELECT count(*) AS count FROM public.leads WHERE email LIKE 'pasted.%%.' || %(story)s || '@story.example';

-- commit_moment: when a row was last committed, in seconds since 1970
SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS moment FROM public.leads WHERE lead_id = %(key)s;

-- set_company: one value
UPDATE public.leads SET company = %(text)s WHERE lead_id = %(key)s;

-- set_amount: one value
UPDATE public.leads SET amount = %(amount)s WHERE lead_id = %(key)s;

-- set_notes: one value
UPDATE public.leads SET notes = %(text)s WHERE lead_id = %(key)s;

-- set_inactive: one value
UPDATE public.leads SET active = false WHERE lead_id = %(key)s;

-- change_many: notes and amount of many rows in one statement
UPDATE public.leads l SET notes = c.notes, amount = amount + 1
FROM unnest(%(keys)s::bigint[], %(texts)s::text[]) AS c (lead_id, notes) WHERE l.lead_id = c.lead_id;

-- delete: one row
DELETE FROM public.leads WHERE lead_id = %(key)s;

-- delete_story: all rows of this story; their keys
DELETE FROM public.leads WHERE email LIKE '%%.' || %(story)s || '@story.example' RETURNING lead_id;

-- delete_stories: all rows of any story, such as one that was broken off
DELETE FROM public.leads WHERE email LIKE '%%@story.example';

-- wal_end: where the log ends
SELECT pg_current_wal_insert_lsn()::text AS lsn;

-- is_streamed: whether every reader of the log has passed a place
SELECT coalesce(bool_and(confirmed_flush_lsn >= %(lsn)s::pg_lsn), false) AS streamed FROM pg_replication_slots;
