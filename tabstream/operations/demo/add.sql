-- One lead; no trouble where its e-mail address is there already.
INSERT INTO public.leads (name, email, company, status, amount, follow_up, active, notes)
VALUES (%(name)s, %(email)s, %(company)s, %(status)s::public.lead_status, %(amount)s, %(follow_up)s, %(active)s, %(notes)s)
ON CONFLICT (email) DO NOTHING;
