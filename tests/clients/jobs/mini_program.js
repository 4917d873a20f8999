// The main job through the mini-program client, in what a mini-program has: no fetch, no Request, no FormData, no
// URLSearchParams, no URL, only a `wx.request`.
'use strict';
const http = require('node:http');

const { hostname, port } = new URL(process.env.KEHU_URL);
const env = Object.assign({}, process.env);
for (const name of [
  'fetch',
  'Request',
  'Response',
  'Headers',
  'FormData',
  'URLSearchParams',
  'URL',
  'Blob',
  'AbortController',
  'TextEncoder',
  'Buffer',
]) {
  delete globalThis[name];
  if (name in globalThis) throw new Error(name + ' is still there');
}

const sent = [];
/** As the platform has it: what it cannot send it refuses, an answer of any status is a success. */
globalThis.wx = {
  request(asked) {
    const known = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT'];
    if (known.indexOf(asked.method) < 0) return asked.fail({ errMsg: 'request:fail invalid method ' + asked.method });
    if (asked.url.indexOf(env.KEHU_URL) !== 0) return asked.fail({ errMsg: 'request:fail url not in domain list' });
    sent.push(asked.method + ' ' + asked.url.slice(env.KEHU_URL.length).split('?')[0]);
    const path = asked.url.slice(env.KEHU_URL.length);
    const request = http.request({ hostname, port, path, method: asked.method, headers: asked.header }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('end', () => asked.success({ statusCode: answer.statusCode, header: answer.headers, data: text }));
    });
    request.on('error', (error) => asked.fail({ errMsg: 'request:fail ' + error.message }));
    if (asked.data !== undefined) request.write(asked.data);
    request.end();
  },
};

const { createClient, idempotencyKey, KehuError } = require('./kehu.js');

function same(found, expected, what) {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(what + ': ' + JSON.stringify(found) + ' instead of ' + JSON.stringify(expected));
  }
}

async function refused(call) {
  try {
    await call;
  } catch (error) {
    if (error instanceof KehuError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

async function job() {
  const kept = [];
  const kehu = createClient({ baseUrl: env.KEHU_URL + '/', language: 'zh-CN', onTokens: (tokens) => kept.push(tokens) });
  const wrong = await refused(kehu.signIn({ login: env.KEHU_LOGIN, password: 'wrong' }));
  same([wrong.status, wrong.code, wrong.message.length > 0], [401, 'credentials_wrong', true], 'a wrong password');
  await kehu.signIn({ login: env.KEHU_LOGIN, password: env.KEHU_PASSWORD });

  const made = await kehu.POST('/v1/customers', {
    headers: { 'Idempotency-Key': idempotencyKey() },
    body: {
      name: '庚辛壬科技有限公司',
      kind: 'company',
      contacts: [{ name: '李文静', position: '采购经理', phones: [env.KEHU_PHONE] }],
    },
  });
  same([made.status, made.headers.location], [201, '/v1/customers/' + made.data.id], 'made');
  const one = { params: { path: { id: made.data.id } } };

  const listed = await kehu.GET('/v1/customers', {
    params: { query: { filter: { stage: 'potential', 'name.contains': '庚辛' }, fields: ['id', 'name'], limit: 5 } },
  });
  same(listed.data.data, [{ id: made.data.id, name: made.data.name }], 'listed');
  const found = await kehu.POST('/v1/customers/search', { body: { where: { field: 'phone', value: env.KEHU_PHONE } } });
  same(found.data.data.length, 1, 'found by phone');
  const told = { customer_id: made.data.id, kind: 'call', summary: '回访', happened_at: '2026-11-22T08:30:00Z' };
  same((await kehu.POST('/v1/follow_ups', { body: told })).status, 201, 'a follow-up');

  const read = await kehu.GET('/v1/customers/{id}', one);
  const ifMatch = { params: { path: { id: made.data.id }, header: { 'If-Match': read.etag } } };
  const changed = await kehu.PATCH('/v1/customers/{id}', Object.assign({ body: { grade: 'a' } }, ifMatch));
  same([changed.status, changed.data.grade], [200, 'a'], 'changed');
  const late = await refused(kehu.PATCH('/v1/customers/{id}', Object.assign({ body: { grade: 'b' } }, ifMatch)));
  same([late.status, late.code, late.problem.conflicts[0].field], [412, 'version_conflict', 'grade'], 'a conflict');

  const items = [{ name: '癸子丑贸易有限公司', kind: 'company' }, { name: '' }];
  const batch = await kehu.POST('/v1/customers/batch', { body: { items } });
  same(batch.data.data.map((item) => item.status), [201, 422], 'a batch');
  same((await kehu.DELETE('/v1/customers/{id}', one)).status, 204, 'deleted');

  // A token that the phone believes to be over is replaced once, whoever asks first.
  const old = kehu.tokens();
  old.expires_at = 0;
  const before = sent.length;
  const three = ['/v1/me', '/v1/customers', '/v1/tags'].map((path) => kehu.GET(path));
  same((await Promise.all(three)).map((answer) => answer.status), [200, 200, 200], 'three at once');
  same(sent.slice(before).filter((line) => line.indexOf('/refresh') > 0).length, 1, 'refreshed once');
  // Another client goes on with what was kept.
  const again = createClient({ baseUrl: env.KEHU_URL, tokens: kept[kept.length - 1] });
  same((await again.GET('/v1/me')).status, 200, 'kept tokens');
  await kehu.signOut();
  same([kehu.tokens(), kept[kept.length - 1]], [null, null], 'signed out');
  const ended = await refused(again.GET('/v1/me'));
  same([ended.status, ended.code], [401, 'session_ended'], 'the session has ended');

  // `uni.request` is as good, and a network that is away is an error of its own.
  globalThis.uni = globalThis.wx;
  delete globalThis.wx;
  same((await createClient({ baseUrl: env.KEHU_URL }).GET('/healthz')).status, 200, 'uni');
  same((await refused(createClient({ baseUrl: 'http://elsewhere.invalid' }).GET('/healthz'))).status, 0, 'no network');
}

job().then(
  () => console.log('mini-program: done'),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
