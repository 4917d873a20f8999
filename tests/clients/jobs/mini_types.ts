// The types of the mini-program client, over the description's.
import { createClient, KehuError } from './kehu.js';
import type { paths } from './openapi.js';

const kehu = createClient<paths>({ baseUrl: 'https://crm.example.com', request: () => undefined });

export async function job(id: string): Promise<string> {
  const made = await kehu.POST('/v1/customers', { body: { name: '甲', kind: 'company' } });
  const read = await kehu.GET('/v1/customers/{id}', { params: { path: { id } } });
  const changed = await kehu.PATCH('/v1/customers/{id}', {
    params: { path: { id }, header: { 'If-Match': read.etag ?? '*' } },
    body: { stage: 'active' },
  });
  const gone: undefined = (await kehu.POST('/v1/auth/logout')).data;
  await kehu.GET('/v1/customers', { params: { query: { filter: { stage: 'active' }, fields: ['id'] } } });
  // @ts-expect-error: no such path
  await kehu.GET('/v1/costumers');
  // @ts-expect-error: the id is missing
  await kehu.GET('/v1/customers/{id}');
  // @ts-expect-error: no such method there
  await kehu.DELETE('/v1/customers');
  // @ts-expect-error: no such member
  await kehu.POST('/v1/customers', { body: { nmae: '甲', kind: 'company' } });
  return made.data.id + changed.data.stage + String(gone) + KehuError.name;
}
