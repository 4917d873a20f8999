// The main job through openapi-fetch, with the types of the description. What is wrong about it does not compile.
import createClient from 'openapi-fetch';
import type { paths } from './openapi.js';

// All that is used of node.
declare const process: { env: Record<string, string | undefined> };

function need<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`no ${what}`);
  return value;
}

const env = (name: string): string => need(process.env[name], name);

const client = createClient<paths>({
  baseUrl: env('KEHU_URL'),
  // Lists stand in one parameter, separated by commas.
  querySerializer: { array: { style: 'form', explode: false } },
});

const signedIn = await client.POST('/v1/auth/login', {
  body: { login: env('KEHU_LOGIN'), password: env('KEHU_PASSWORD'), client: 'server' },
});
const token = need(signedIn.data, 'tokens').access_token;
client.use({
  onRequest({ request }) {
    request.headers.set('Authorization', `Bearer ${token}`);
    return request;
  },
});

const phone = env('KEHU_PHONE');
const made = await client.POST('/v1/customers', {
  params: { header: { 'Idempotency-Key': `typescript-${phone}` } },
  body: {
    name: '甲乙丙科技有限公司',
    kind: 'company',
    stage: 'potential',
    contacts: [{ name: '李文静', position: '采购经理', phones: [phone] }],
  },
});
if (made.error) throw new Error(`${made.error.code}: ${made.error.detail}`);
const customer = need(made.data, 'customer');
const etag = need(made.response.headers.get('etag'), 'etag');

const listed = await client.GET('/v1/customers', {
  params: { query: { filter: { stage: 'potential' }, sort: '-updated_at', limit: 10, expand: ['contacts'] } },
});
const first = need(need(listed.data, 'page').data[0], 'record');
if (first.id !== customer.id || first.contacts?.length !== 1) throw new Error(`listed: ${JSON.stringify(first)}`);

const found = await client.POST('/v1/customers/search', {
  body: { where: { and: [{ field: 'phone', op: 'eq', value: phone }] }, fields: ['id', 'name'] },
});
if (need(found.data, 'found').data[0]?.name !== customer.name) throw new Error('not found by phone');

const told = await client.POST('/v1/follow_ups', {
  body: {
    customer_id: customer.id,
    kind: 'call',
    summary: '询问了报价。',
    happened_at: '2026-11-22T08:30:00Z',
  },
});
need(told.data, 'follow-up');

const changed = await client.PATCH('/v1/customers/{id}', {
  params: { path: { id: customer.id }, header: { 'If-Match': etag } },
  body: { stage: 'active', tags: { add: ['VIP'] } },
});
if (need(changed.data, 'change').stage !== 'active') throw new Error('not changed');
const late = await client.PATCH('/v1/customers/{id}', {
  params: { path: { id: customer.id }, header: { 'If-Match': etag } },
  body: { stage: 'lost' },
});
if (late.error?.code !== 'version_conflict') throw new Error(`a conflict was expected: ${late.response.status}`);

const batch = await client.POST('/v1/customers/batch', {
  body: { items: [{ name: '丁戊己贸易有限公司', kind: 'company' }, { name: '', kind: 'company' }] },
});
const statuses = need(batch.data, 'batch').data.map((item) => item.status);
if (batch.response.status !== 207 || statuses.join() !== '201,422') throw new Error(`batch: ${statuses.join()}`);
console.log('typescript: done');
