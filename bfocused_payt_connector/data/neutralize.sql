-- a copy of the database sends nothing, knows no secret and, once somebody opens it up again, talks to the demo
UPDATE payt_backend
   SET environment = 'demo',
       base_url = 'https://demo-api.paytsoftware.com',
       client_id = NULL,
       client_secret = NULL,
       access_token = NULL,
       administration_id = NULL,
       webhook_key = gen_random_uuid()::text,
       webhook_secret = NULL,
       webhook_secret_previous = NULL,
       paused = true,
       is_stopped = false,
       paused_reason = 'This is a neutralized copy of the database',
       paused_since = now() AT TIME ZONE 'UTC';
UPDATE payt_token
   SET access_token = NULL,
       refresh_token = NULL,
       expires_at = NULL,
       renew_at = NULL,
       refresh_expires_at = NULL,
       scopes = NULL;
-- what PAYT told the original isn't asked for by the copy, whose other secrets and key nobody knows
UPDATE payt_webhook_event
   SET state = 'unknown',
       message = 'This is a neutralized copy of the database'
 WHERE state = 'pending';
DELETE FROM payt_webhook_tally;
