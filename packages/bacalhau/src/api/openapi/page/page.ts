import type { Json } from '../schemas.ts'
import { type Html, html, prose } from './html.ts'
import { fieldsOf, listOf, objectOf, textOf, typeOf } from './schema.ts'

/** An OpenAPI document as a page that loads nothing but its own style and script. */
export function pageOf(document: Json): string {
  const info = objectOf(document['info'])
  const components = objectOf(document['components'])
  const operations = Object.entries(objectOf(document['paths'])).flatMap(([path, methods]) =>
    Object.entries(objectOf(methods)).map(([method, value]) => ({ method, path, value: objectOf(value) })),
  )
  const tags = listOf(document['tags']).map(objectOf)
  const chapters = tags.map(({ name, description }) =>
    chapter(
      textOf(name),
      textOf(description),
      operations.filter(({ value }) => listOf(value['tags']).includes(name)),
    ),
  )
  const schemas = Object.entries(objectOf(components['schemas'])).sort(([a], [b]) => (a < b ? -1 : 1))
  return `<!doctype html>\n${
    html`<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${textOf(info['title'])} API</title>
        <link rel="stylesheet" href="docs/style.css" />
        <script src="docs/script.js" defer></script>
      </head>
      <body>
        <header>
          <h1>${textOf(info['title'])} API <small>${textOf(info['version'])}</small></h1>
          <p>${prose(textOf(info['description']))} <a href="api/v1/openapi.json">OpenAPI document</a></p>
          <input id="search" type="search" placeholder="Search operations and schemas" aria-label="Search" autofocus />
          <nav>
            ${tags.map(({ name }) => html`<a href="#${textOf(name)}">${textOf(name)}</a> `)}
            <a href="#schemas">schemas</a>
          </nav>
        </header>
        <main>
          ${chapters}
          <section id="schemas">
            <h2>schemas</h2>
            ${schemas.map(([name, schema]) => schemaItem(name, objectOf(schema)))}
          </section>
          <p id="nothing" hidden>Nothing found.</p>
        </main>
      </body>
    </html>`.text
  }\n`
}

interface Operation {
  readonly method: string
  readonly path: string
  readonly value: Json
}

function chapter(name: string, description: string, operations: readonly Operation[]): Html {
  return html`<section id="${name}">
    <h2>${name}</h2>
    <p>${description}</p>
    ${operations.map(operationItem)}
  </section>`
}

function operationItem({ method, path, value }: Operation): Html {
  const parameters = listOf(value['parameters']).map(objectOf)
  const body = objectOf(objectOf(value['requestBody'])['content'])
  return html`<details class="item" id="${textOf(value['operationId'])}">
    <summary>
      <b class="method ${method}">${method.toUpperCase()}</b> <code class="path">${path}</code>
      <span>${textOf(value['summary'])}</span>
    </summary>
    <p>${prose(textOf(value['description']))}</p>
    ${method === 'get' ? trial(path, parameters) : parameterTable(parameters)} ${contents('Body', body)}
    <h3>Answers</h3>
    ${answers(objectOf(value['responses']))}
  </details>`
}

function parameterTable(parameters: readonly Json[]): Html {
  if (parameters.length === 0) return html``
  return html`<h3>Parameters</h3>
    <table>
      ${parameters.map((parameter) => parameterRow(parameter, html``))}
    </table>`
}

/** What can be asked without changing anything can be tried on the page. */
function trial(path: string, parameters: readonly Json[]): Html {
  const rows = parameters.map((parameter) => {
    const name = textOf(parameter['name'])
    const place = textOf(parameter['in'])
    const input = html`<input name="${name}" data-in="${place}" aria-label="${name}" />`
    return parameterRow(parameter, place === 'header' ? html`` : input)
  })
  return html`<form data-path="${path}">
    ${rows.length === 0 ? html`` : html`<h3>Parameters</h3>`}
    <table>
      ${rows}
    </table>
    <button>Try it</button> <output class="status"></output>
    <pre class="result" hidden></pre>
  </form>`
}

function parameterRow(parameter: Json, input: Html): Html {
  return html`<tr>
    <th scope="row"><code>${textOf(parameter['name'])}</code><small>${textOf(parameter['in'])}</small></th>
    <td>
      <span class="type">${typeOf(objectOf(parameter['schema']))}</span> ${prose(textOf(parameter['description']))}
      ${input}
    </td>
  </tr>`
}

function contents(title: string, content: Json): Html {
  return html`${Object.entries(content).map(([type, media]) => {
    const schema = objectOf(objectOf(media)['schema'])
    return html`<h3>${title} <small>${type}</small></h3>
      ${'properties' in schema ? html`` : html`<p>${typeOf(schema)}</p>`}${fieldsOf(schema)}`
  })}`
}

/** What a success gives, and in one line what may go wrong. */
function answers(responses: Json): Html {
  const entries = Object.entries(responses).map(([status, response]) => [status, objectOf(response)] as const)
  const successes = entries.filter(([, response]) => !('$ref' in response))
  const errors = entries.filter(([status, response]) => '$ref' in response && status !== 'default')
  return html`<table>
    ${successes.map(([status, response]) => success(status, response))}
    <tr>
      <th scope="row">Errors</th>
      <td>${errors.map(([status]) => html`${status} `)}<a href="#schema-Error">Error</a></td>
    </tr>
  </table>`
}

function success(status: string, response: Json): Html {
  return html`<tr>
    <th scope="row">${status} ${textOf(response['description'])}</th>
    <td>${contents('', objectOf(response['content']))}</td>
  </tr>`
}

function schemaItem(name: string, schema: Json): Html {
  return html`<details class="item" id="schema-${name}">
    <summary><code class="path">${name}</code></summary>
    ${fieldsOf(schema)}
  </details>`
}
