// Each of these must not compile: a test compiles the file and counts that every line marked so is refused.
import createClient from 'openapi-fetch';
import type { paths } from './openapi.js';

const client = createClient<paths>({ baseUrl: '' });

// @ts-expect-error: no such path
await client.GET('/v1/costumers');
// @ts-expect-error: no such parameter
await client.GET('/v1/customers', { params: { query: { lmit: 5 } } });
// @ts-expect-error: no such member
await client.POST('/v1/customers', { body: { nmae: 'x', kind: 'company' } });
// @ts-expect-error: a member is missing
await client.POST('/v1/follow_ups', { body: { kind: 'call' } });
