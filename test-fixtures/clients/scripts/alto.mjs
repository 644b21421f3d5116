// Starts alto with the tracer that fits EntryPoint v0.6. Release 0.0.20 takes the one for v0.7 and
// later for every EntryPoint; it waits for frames two levels deeper than v0.6 has, so that safe
// mode refuses every operation, on any node.
import { register } from 'node:module'

const hook = `export function resolve(specifier, context, next) {
  return next(specifier.replace('BundlerCollectorTracerV07', 'BundlerCollectorTracerV06'), context)
}`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
await import(new URL('../node_modules/@pimlico/alto/esm/cli/alto.js', import.meta.url).href)
