import { array, assert, asyncProperty, boolean, constantFrom, oneof, record, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJunit } from './junit.ts';
import { pointsMax } from './named.ts';
import { toResults } from './results.ts';

const read = async (text: string, cut = false) => {
  const answer = await readJunit(text, cut);
  if (!answer.ok) return answer.why;
  const { failing, passed, skipped, passedNames, whole } = toResults([answer.value]);
  return { failing, passed, skipped, passedNames: [...passedNames], whole };
};

const pytest = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" tests="4">
<testcase classname="test_till" name="test_till_adds" time="0.001" />
<testcase classname="test_till.TestTill" name="test_rounds[a &lt; &quot;b&quot;]"><failure message="assert 1 == 2&#10;no">E   assert 1 == 2 ]]&gt;</failure><failure message="again"/></testcase>
<testcase classname="test_till" name="test_later"><skipped type="pytest.skip" message="no">why</skipped></testcase>
<testcase classname="test_till" name="test_drawer"><error message="failed on setup">trace</error></testcase>
</testsuite></testsuites>`;
const surefire = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="shop.TillTest" tests="3">
  <properties><property name="java.home" value="/usr/lib/jvm"/></properties>
  <testcase name="adds" classname="shop.TillTest" time="0.01"><system-out><![CDATA[<testcase name="no"/> <?xml version="1.0"?>]]></system-out></testcase>
  <testcase name="sometimes" classname="shop.TillTest"><flakyFailure message="no"><stackTrace>x</stackTrace></flakyFailure></testcase>
  <testcase name="rounds" classname="shop.TillTest"><failure message="no"/><rerunFailure message="no"/></testcase>
</testsuite>
`;
const node = `<?xml version="1.0" encoding="utf-8"?>
<testsuites>
\t<testsuite name="the till"><testcase name="adds up" file="/tmp/x/a.test.js"/>
\t\t<testsuite name="the drawer"><testcase name="opens" failure="no"><failure type="testCodeFailure"/></testcase></testsuite>
\t</testsuite>
\t<!-- tests 2 -->
</testsuites>`;

describe('a JUnit report', () => {
  it('of node does not call failed what is still to be done, because that fails nothing', async () => {
    const todo = '<testcase name="later"><skipped type="todo"/><failure type="testCodeFailure"/></testcase>';
    expect(
      await read(`<testsuites>${todo}<testcase name="x"><skipped/><error/></testcase></testsuites>`),
    ).toMatchObject({
      failing: ['x'],
      skipped: 1,
    });
  });

  it('of pytest gives names by class, and one outcome for each test', async () => {
    expect(await read(pytest)).toEqual({
      failing: ['test_till.TestTill > test_rounds[a < "b"]', 'test_till > test_drawer'],
      passed: 1,
      skipped: 1,
      passedNames: ['test_till > test_till_adds'],
      whole: true,
    });
  });

  it('of Surefire counts by the last run of a test, and reads no output of tests as tests', async () => {
    expect(await read(surefire)).toMatchObject({
      failing: ['shop.TillTest > rounds'],
      passedNames: ['shop.TillTest > adds', 'shop.TillTest > sometimes'],
    });
  });

  it('without classes names tests by their suites', async () => {
    expect(await read(node)).toMatchObject({
      failing: ['the till > the drawer > opens'],
      passedNames: ['the till > adds up'],
    });
  });

  it('may stand behind another one, with and without an XML declaration', async () => {
    expect(
      await read(`\uFEFF${pytest}\n\uFEFF${surefire}<testsuite><testcase name="last"/></testsuite>${node}`),
    ).toMatchObject({
      passed: 5,
      whole: true,
      failing: [
        'test_till.TestTill > test_rounds[a < "b"]',
        'test_till > test_drawer',
        'shop.TillTest > rounds',
        'the till > the drawer > opens',
      ],
    });
  });

  it('names a suite that fails outside of its tests', async () => {
    expect(await read('<testsuite name="shop.TillTest"><error message="no set-up"/></testsuite>')).toMatchObject({
      failing: ['shop.TillTest'],
    });
  });

  it('keeps failing tests of one name apart by their number', async () => {
    const twice = '<testcase name="a"><failure/></testcase>'.repeat(2);
    expect(await read(`<testsuite>${twice}</testsuite>`)).toMatchObject({ failing: ['a', 'a (2)'] });
  });

  it.each<[string, string, RegExp]>([
    ['is cut off', pytest.slice(0, -20), /.+/],
    ['ends in the middle of a tag', '<testsuite><testcase name="a"', /.+/],
    ['is no XML', 'all good', /.+/],
    ['is something else', '<html><body/></html>', /begins with <html>/],
    ['has a DOCTYPE', '<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>', /DOCTYPE/],
    ['has entities of its own', '<testsuite><testcase name="&nbsp;"/></testsuite>', /entity/],
    ['has the name of a method as an entity', '<testsuite><testcase name="&constructor;"/></testsuite>', /entity/],
    ['has tags that do not match', '<testsuite><testcase></testsuite>', /.+/],
    ['is too deep', `${'<testsuite>'.repeat(60)}${'</testsuite>'.repeat(60)}`, /deeper/],
    ['is good and followed by rubbish', `${node} rubbish`, /.+/],
    ['holds two attributes without a space', '<testsuite a="1"b="2"/>', /.+/],
  ])('that %s is refused with a sentence', async (_what, text, why) => {
    const answer = await read(text);
    expect(answer).toMatch(why);
    expect(answer).not.toMatch(/[\n\p{Cc}]/u);
  });

  it('of which the end was not handed over counts until there, and is not whole', async () => {
    expect(await read(`${node}${pytest.slice(0, -200)}`, true)).toMatchObject({ passed: 2, whole: false });
  });

  it('is bounded in number and in the length of names', async () => {
    const many = `<testsuite name="${'s'.repeat(5000)}">${'<testcase name="a"/>'.repeat(pointsMax + 10)}</testsuite>`;
    const answer = await readJunit(many, false);
    const points = answer.ok ? answer.value.points : [];
    expect(points).toHaveLength(pointsMax);
    expect(points[0]?.name.length).toBeLessThanOrEqual(300);
    expect(answer.ok && answer.value.whole).toBe(false);
    expect(answer.ok && answer.value.passed).toBe(pointsMax + 10);
  });

  it('has no control characters in its names', async () => {
    const answer = await read('<testsuite><testcase name="a&#10;&#x9;b"><failure/></testcase></testsuite>');
    expect(answer).toMatchObject({ failing: ['a b'] });
  });

  it('of any tests is read back exactly', async () => {
    const escaped = (text: string): string =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
    const name = string({ unit: constantFrom(...Array.from('abcXYZ <>&"\'[]-/#\\{}…é€😀')), maxLength: 30 });
    const test = record({
      name,
      outcome: constantFrom('passed' as const, 'failed' as const, 'skipped' as const),
    });
    const inside = { passed: '', failed: '<failure message="x">a &gt; b</failure>', skipped: '<skipped/>' };
    await assert(
      asyncProperty(array(array(test, { maxLength: 20 }), { maxLength: 5 }), async (documents) => {
        let number = 0;
        const wanted: string[] = [];
        const text = documents.map((tests) => {
          const cases = tests.map(({ name: raw, outcome }) => {
            number += 1;
            const full = `${number}${raw}|`;
            wanted.push(`${outcome} ${full}`);
            return `<testcase name="${escaped(full)}">${inside[outcome]}</testcase>`;
          });
          return `<?xml version="1.0"?><testsuite name="">${cases.join('')}</testsuite>\n`;
        });
        const answer = await readJunit(text.join(''), false);
        expect(answer.ok ? answer.value.points.map((point) => `${point.outcome} ${point.name}`) : answer.why).toEqual(
          wanted,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('made of noise is refused or read, and never more than that', async () => {
    const piece = oneof(
      constantFrom(
        '<testsuite>',
        '</testsuite>',
        '<testcase name="a">',
        '</testcase>',
        '<failure/>',
        '<![CDATA[',
        ']]>',
        '<!--',
        '-->',
        '<?xml version="1.0"?>',
        '&amp;',
        '&#0;',
        '&#x110000;',
        '<a b=',
        '"',
        '<!DOCTYPE',
      ),
      string({ unit: 'binary', maxLength: 10 }),
    );
    await assert(
      asyncProperty(array(piece, { maxLength: 40 }), boolean(), async (pieces, cut) => {
        const answer = await readJunit(`<testsuite>${pieces.join('')}`, cut);
        expect(typeof answer.ok).toBe('boolean');
      }),
      { numRuns: 500 },
    );
  });
});
