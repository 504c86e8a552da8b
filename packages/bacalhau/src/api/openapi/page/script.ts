/** Runs in the browser: searching, opening what a link points at, and trying what only reads. Answers are shown as text. */
export const SCRIPT = `'use strict'
const items = [...document.querySelectorAll('.item')]
const search = document.getElementById('search')

search.addEventListener('input', () => {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean)
  for (const item of items) {
    const text = item.textContent.toLowerCase()
    item.hidden = !words.every((word) => text.includes(word))
  }
  for (const section of document.querySelectorAll('section')) section.hidden = !section.querySelector('.item:not([hidden])')
  document.getElementById('nothing').hidden = items.some((item) => !item.hidden)
})

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (target instanceof HTMLDetailsElement) target.open = true
}
addEventListener('hashchange', openTarget)
openTarget()

/** The address that the fields of a form make, relative to the page so that a proxy may put it below a path. */
function addressOf(form) {
  const query = new URLSearchParams()
  let path = form.dataset.path
  for (const { name, value, dataset } of form.querySelectorAll('input')) {
    const encoded = encodeURIComponent(value)
    if (dataset.in === 'path') path = path.replace('{' + name + '}', name === 'path' ? encoded.replaceAll('%2F', '/') : encoded)
    else if (value !== '') query.append(name, value)
  }
  return path.slice(1) + (query.size === 0 ? '' : '?' + query)
}

/** The beginning of an answer: some of them never end. */
async function readStart(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const end = setTimeout(() => reader.cancel(), 3000)
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (!done) text += value
    if (done || text.length > 100000) break
  }
  clearTimeout(end)
  reader.cancel()
  return text.length > 100000 ? text.slice(0, 100000) + '\\n…' : text
}

function tidy(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

document.addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = event.target
  const [status, result] = [form.querySelector('.status'), form.querySelector('.result')]
  status.textContent = '…'
  try {
    const response = await fetch(addressOf(form))
    status.textContent = response.status + ' ' + response.statusText
    result.textContent = tidy(await readStart(response))
  } catch (error) {
    status.textContent = ''
    result.textContent = String(error)
  }
  result.hidden = false
})
`
