// A client of another language: the official TypeScript SDK, from the directory of the first argument, at the hookctl of PATH. It lists
// the tools, makes the calls of the second argument, [{"tool","args"}…], and prints {"server","tools","results"}. It agrees to every question.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [modules, calls] = process.argv.slice(2)
const require = createRequire(join(modules, 'client.js'))
const { Client } = require('@modelcontextprotocol/sdk/client/index.js')
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js')
const { ElicitRequestSchema } = require('@modelcontextprotocol/sdk/types.js')

const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } })
let asked = 0
client.setRequestHandler(ElicitRequestSchema, async () => {
  asked++
  return { action: 'accept', content: {} }
})
await client.connect(new StdioClientTransport({ command: 'hookctl', args: ['mcp', '--write'], env: process.env, stderr: 'inherit' }))
const { tools } = await client.listTools()
const { resources } = await client.listResources()
const { prompts } = await client.listPrompts()
const results = []
for (const { tool, args } of JSON.parse(calls)) {
  const { isError, structuredContent } = await client.callTool({ name: tool, arguments: args })
  results.push({ tool, failed: isError === true, result: structuredContent })
}
const name = client.getServerVersion().name
await client.close()
console.log(JSON.stringify({ name, asked, tools: tools.map(t => t.name), resources: resources.length, prompts: prompts.length, results }))
