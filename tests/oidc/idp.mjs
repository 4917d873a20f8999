// A real provider of OpenID Connect for tests: npm's oidc-provider on a free port of this machine. Prints its issuer.
//   idp.mjs REDIRECT_URI
// Whoever signs in as NAME is NAME@example.test. Names that begin with "unconfirmed" have no confirmed address; what stands
// behind a dash are groups: "li-crm-leads" is in "crm" and "leads".
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [redirect] = process.argv.slice(2);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'kehu',
      client_secret: 'kehu secret+%:/',
      redirect_uris: [redirect],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    }],
    pkce: { required: () => true },
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['test'] },
    findAccount: async (_context, id) => ({
      accountId: id,
      claims: async () => ({
        sub: id,
        email: `${id}@example.test`,
        email_verified: !id.startsWith('unconfirmed'),
        name: id,
        groups: id.split('-').slice(1),
      }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => process.exit(0));
});
