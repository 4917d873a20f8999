/**
 * Kehu for mini-programs: one file, no dependencies, over `wx.request` or `uni.request`.
 *
 * Mini-programs have no fetch, no Request, no FormData, no URLSearchParams, and cannot send PATCH. This file needs none of
 * them: a PATCH goes as a POST with `X-HTTP-Method-Override`. Paths, parameters, bodies and answers are typed by
 * kehu.d.ts, from the description of the API.
 */

/** Methods that `wx.request` can send. */
const PLAIN = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'];
/** How long before its end an access token is replaced, in milliseconds. */
const EARLY = 30000;

/** An answer that is not 2xx: a problem of the API (RFC 9457), or a request that nobody answered (`status` 0). */
class KehuError extends Error {
  constructor(status, problem, headers) {
    super((problem && (problem.detail || problem.title)) || 'HTTP ' + status);
    this.name = 'KehuError';
    this.status = status;
    this.code = problem && problem.code;
    this.errors = (problem && problem.errors) || [];
    this.requestId = problem && problem.request_id;
    this.problem = problem;
    this.headers = headers || {};
  }
}

function encode(value) {
  // What encodeURIComponent leaves alone is fine in an address.
  return encodeURIComponent(String(value));
}

/** `{id}` and the like, filled in. */
function filled(path, values) {
  return path.replace(/\{([^}]+)\}/g, (_, name) => {
    const value = values && values[name];
    if (value === undefined || value === null || value === '') throw new TypeError(path + ': no ' + name);
    return encode(value);
  });
}

/** Query parameters as the API reads them: lists with commas, `filter` as `filter[stage]=…`. */
function query(values) {
  const pairs = [];
  for (const name of Object.keys(values || {})) {
    const value = values[name];
    if (value === undefined || value === null) continue;
    if (Array.isArray(value)) pairs.push(encode(name) + '=' + value.map(encode).join(','));
    else if (typeof value === 'object') {
      for (const member of Object.keys(value)) {
        const inner = value[member];
        if (inner === undefined || inner === null) continue;
        const text = Array.isArray(inner) ? inner.map(encode).join(',') : encode(inner);
        pairs.push(encode(name + '[' + member + ']') + '=' + text);
      }
    } else pairs.push(encode(name) + '=' + encode(value));
  }
  return pairs.length ? '?' + pairs.join('&') : '';
}

function lowered(headers) {
  const all = {};
  for (const name of Object.keys(headers || {})) {
    const value = headers[name];
    all[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return all;
}

/** A key under which a repeated write is done once: 32 characters, good enough for that and for no secret. */
function idempotencyKey() {
  let key = '';
  while (key.length < 32) key += Math.random().toString(36).slice(2);
  return key.slice(0, 32);
}

/**
 * Makes a client.
 *
 * `baseUrl`: where Kehu is. `request`: what sends, `wx.request` or `uni.request` where not given. `language`: of messages.
 * `tokens`: those of an earlier session. `onTokens`: is told every new pair, and null after signing out; a good place to
 * keep them.
 */
function createClient(options) {
  const base = options.baseUrl.replace(/\/+$/, '');
  const send = options.request || ambient();
  const told = options.onTokens || (() => {});
  let tokens = options.tokens || null;
  let refreshing = null;

  /** One request as the platform sends it. */
  function once(method, address, body, headers) {
    return new Promise((resolve, reject) => {
      const all = Object.assign({ Accept: 'application/json' }, headers);
      if (options.language) all['Accept-Language'] = options.language;
      if (body !== undefined) all['Content-Type'] = 'application/json';
      let sent = method;
      if (PLAIN.indexOf(method) < 0) {
        sent = 'POST';
        all['X-HTTP-Method-Override'] = method;
      }
      send({
        url: base + address,
        method: sent,
        header: all,
        // As text: the platform would turn the members of a GET into parameters.
        data: body === undefined ? undefined : JSON.stringify(body),
        dataType: 'text',
        responseType: 'text',
        timeout: options.timeout || 30000,
        success: (answer) => resolve(answer),
        fail: (why) => reject(new KehuError(0, { title: (why && why.errMsg) || 'no answer' })),
      });
    });
  }

  function read(answer) {
    const headers = lowered(answer.header);
    let data = answer.data;
    if (typeof data === 'string') {
      try {
        data = data === '' ? undefined : JSON.parse(data);
      } catch (_) {
        data = undefined;
      }
    }
    if ((answer.statusCode >= 200 && answer.statusCode < 300) || answer.statusCode === 304) {
      return { status: answer.statusCode, data: data, headers: headers, etag: headers.etag };
    }
    throw new KehuError(answer.statusCode, data, headers);
  }

  function keep(pair) {
    tokens = pair && {
      access_token: pair.access_token,
      refresh_token: pair.refresh_token,
      expires_at: Date.now() + pair.expires_in * 1000,
    };
    told(tokens);
  }

  /** New tokens for the session; several requests that need them wait for the same ones. */
  function refresh() {
    if (!refreshing) {
      const done = () => {
        refreshing = null;
      };
      refreshing = once('POST', '/v1/auth/refresh', { refresh_token: tokens.refresh_token }, {})
        .then(read)
        .then((answer) => keep(answer.data))
        .catch((error) => {
          if (error.status === 401) keep(null);
          throw error;
        });
      refreshing.then(done, done);
    }
    return refreshing;
  }

  async function request(method, path, init) {
    const asked = init || {};
    const parameters = asked.params || {};
    const address = filled(path, parameters.path) + query(parameters.query);
    const signed = path !== '/v1/auth/login' && path !== '/v1/auth/refresh';
    const headers = () => {
      const own = signed && tokens ? { Authorization: 'Bearer ' + tokens.access_token } : {};
      return Object.assign(own, parameters.header, asked.headers);
    };
    if (signed && tokens && tokens.refresh_token && tokens.expires_at - EARLY < Date.now()) await refresh();
    const before = tokens;
    try {
      return read(await once(method, address, asked.body, headers()));
    } catch (error) {
      // The clock of the phone may be wrong: what the server says counts, once.
      if (!(signed && error.code === 'token_expired' && before && before.refresh_token)) throw error;
      if (tokens === before) await refresh();
      return read(await once(method, address, asked.body, headers()));
    }
  }

  return {
    request,
    GET: (path, init) => request('GET', path, init),
    POST: (path, init) => request('POST', path, init),
    PUT: (path, init) => request('PUT', path, init),
    PATCH: (path, init) => request('PATCH', path, init),
    DELETE: (path, init) => request('DELETE', path, init),
    /** Begins a session; the tokens are kept and replaced from then on. */
    async signIn(who) {
      const answer = await request('POST', '/v1/auth/login', { body: Object.assign({ client: 'mini_program' }, who) });
      keep(answer.data);
      return answer.data;
    },
    /** Ends the session, here in any case. */
    async signOut() {
      try {
        if (tokens) await request('POST', '/v1/auth/logout');
      } finally {
        keep(null);
      }
    },
    /** The tokens, to be kept where the page keeps things. */
    tokens: () => tokens,
  };
}

function ambient() {
  /* global wx, uni */
  if (typeof wx !== 'undefined' && wx.request) return (asked) => wx.request(asked);
  if (typeof uni !== 'undefined' && uni.request) return (asked) => uni.request(asked);
  throw new Error('neither wx.request nor uni.request: give `request`');
}

module.exports = { createClient, idempotencyKey, KehuError };
