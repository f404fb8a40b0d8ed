// The suite's own verdict on each of its tests, given what a run of it printed.
//   node verdicts.mjs PACKAGE < RESULTS
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const load = file => import(pathToFileURL(`${process.argv[2]}/${file}`))
const { default: suites } = await load('tests/index.mjs')
const { default: surrogate } = await load('tests/surrogate-control.mjs')
const { determineTestResult } = await load('lib/display.mjs')

// As its command line does.
suites.push(surrogate)
const results = JSON.parse(readFileSync(0))
const verdicts = []
for (const suite of suites) {
  for (const test of suite.tests) {
    // It counts these for browsers alone.
    if (test.browser_only) continue
    verdicts.push({
      id: test.id,
      suite: suite.id,
      kind: test.kind ?? 'required',
      verdict: determineTestResult(suites, test.id, results)[2],
      message: Array.isArray(results[test.id]) ? results[test.id].join(': ') : ''
    })
  }
}
console.log(JSON.stringify(verdicts))
