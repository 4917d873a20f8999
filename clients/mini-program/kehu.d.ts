/**
 * Types of kehu.js. The paths come from the description of the API:
 *
 *     npx openapi-typescript openapi/openapi.json --default-non-nullable=false --output openapi.d.ts
 *
 *     import type { paths } from './openapi';
 *     const kehu = createClient<paths>({ baseUrl: 'https://crm.example.com' });
 *
 * Every path, parameter, body and answer is checked then.
 */

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** The paths that have a method. */
type PathsWith<Paths, M extends Method> = {
  [Path in keyof Paths]: Paths[Path] extends { [Name in M]: { responses: unknown } } ? Path : never;
}[keyof Paths] &
  string;

type Operation<Paths, Path extends keyof Paths, M extends Method> = Paths[Path] extends { [Name in M]: infer Found }
  ? Found
  : never;

/** What stands under `application/json`. */
type Json<Content> = Content extends { content: { 'application/json': infer Body } } ? Body : never;

type Ok = 200 | 201 | 202 | 207;

/** What a 2xx answer holds; undefined where it holds nothing. */
type Answered<Op> = Op extends { responses: infer Responses }
  ? { [Status in keyof Responses & Ok]: Json<Responses[Status]> }[keyof Responses & Ok] extends infer Found
    ? [Found] extends [never]
      ? undefined
      : Found
    : never
  : never;

/** Parameters without cookies, which mini-programs have none of. */
type Parameters<Op> = Op extends { parameters: infer All } ? Omit<All, 'cookie'> : Record<string, never>;

type Body<Op> = Op extends { requestBody: infer Required }
  ? { body: Json<Required> }
  : Op extends { requestBody?: infer Optional }
    ? [Exclude<Optional, undefined>] extends [never]
      ? { body?: undefined }
      : { body?: Json<Exclude<Optional, undefined>> }
    : { body?: undefined };

/** What a call takes: parameters (asked for where one of the path is), body, further headers. */
export type Init<Op> = ({} extends Parameters<Op> ? { params?: Parameters<Op> } : { params: Parameters<Op> }) &
  Body<Op> & { headers?: Record<string, string> };

type Arguments<Op> = {} extends Init<Op> ? [init?: Init<Op>] : [init: Init<Op>];

/** A 2xx answer. */
export interface Reply<Data> {
  status: number;
  data: Data;
  /** By their names in lower case. */
  headers: Record<string, string>;
  /** For If-Match. */
  etag: string | undefined;
}

type Call<Paths, M extends Method> = <Path extends PathsWith<Paths, M>>(
  path: Path,
  ...init: Arguments<Operation<Paths, Path, M>>
) => Promise<Reply<Answered<Operation<Paths, Path, M>>>>;

/** The tokens of a session. */
export interface Tokens {
  access_token: string;
  refresh_token: string;
  /** Milliseconds of UNIX time. */
  expires_at: number;
}

export interface Options {
  /** Where Kehu is: `https://crm.example.com`. */
  baseUrl: string;
  /** What sends; `wx.request` or `uni.request` where not given. */
  request?: (asked: Record<string, unknown>) => unknown;
  /** The language of messages: `zh-CN` or `en`. */
  language?: string;
  /** The tokens of an earlier session. */
  tokens?: Tokens | null;
  /** Is told every new pair, and null after signing out. */
  onTokens?: (tokens: Tokens | null) => void;
  /** Milliseconds that an answer may take; 30,000. */
  timeout?: number;
}

export interface Credentials {
  /** An e-mail, a mobile or a user name. */
  login: string;
  password: string;
  organisation?: string;
  otp?: string;
  device_name?: string;
}

export interface Client<Paths> {
  GET: Call<Paths, 'get'>;
  POST: Call<Paths, 'post'>;
  PUT: Call<Paths, 'put'>;
  PATCH: Call<Paths, 'patch'>;
  DELETE: Call<Paths, 'delete'>;
  /** Begins a session; its tokens are kept and replaced from then on. */
  signIn(who: Credentials): Promise<Record<string, unknown>>;
  /** Ends the session, here in any case. */
  signOut(): Promise<void>;
  tokens(): Tokens | null;
}

export function createClient<Paths>(options: Options): Client<Paths>;

/** A key under which a repeated write is done once. */
export function idempotencyKey(): string;

/** An answer that is not 2xx. */
export class KehuError extends Error {
  /** 0 where nobody answered. */
  status: number;
  /** What programs compare: `duplicate`, `version_conflict` … */
  code: string | undefined;
  /** Each thing that is wrong, with its place. */
  errors: { pointer?: string; parameter?: string; code: string; message: string; hint: string | null }[];
  requestId: string | undefined;
  problem: unknown;
  headers: Record<string, string>;
}
