export const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8dde3, #3a4048); --soft: light-dark(#f4f6f8, #1d2126);
  --text: light-dark(#1c2024, #e6e9ec); --dim: light-dark(#5a636e, #9aa4af); --link: light-dark(#0b57b0, #8ab8ff) }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 0 1rem 4rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text);
  background: light-dark(#fff, #14171a) }
header { padding: 1rem 0; border-bottom: 1px solid var(--line) }
h1 { font-size: 1.6rem; margin: .5rem 0 } h2 { font-size: 1.2rem; margin: 2rem 0 .25rem } h3 { font-size: 1rem; margin: 1rem 0 .25rem }
small, .mark { color: var(--dim); font-weight: normal; font-size: .8rem; margin-left: .4rem }
a { color: var(--link) }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-top: .75rem }
input { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line); border-radius: .3rem; padding: .3rem .5rem;
  max-width: 100% }
td input { display: block; width: 22rem; margin-top: .25rem } #search { width: 100% }
button { font: inherit; padding: .3rem .9rem; border-radius: .3rem; border: 1px solid var(--line); cursor: pointer }
.item { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: 0 .75rem; overflow-wrap: anywhere }
.item[open] { padding-bottom: .75rem } .item > summary { padding: .5rem 0; cursor: pointer }
.item > summary span { color: var(--dim); margin-left: .5rem }
code, pre { font: .9em ui-monospace, monospace }
.method { display: inline-block; min-width: 4.2rem; text-align: center; font-size: .75rem; border-radius: .25rem; padding: .1rem .3rem;
  color: #fff; background: #5a636e }
.get { background: #0b6bcb } .put, .post { background: #1f7a4d } .delete { background: #b42318 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem .3rem 0; border-top: 1px solid var(--line) }
th { width: 12rem; font-weight: normal } th small, .mark { display: block; margin: 0 }
td table th { width: 9rem } td h3 { margin-top: 0 }
.type { color: var(--dim) }
.result { max-height: 24rem; overflow: auto; background: var(--soft); padding: .75rem; border-radius: .3rem; white-space: pre-wrap }
@media (max-width: 40rem) { th, td { display: block; width: auto !important; padding-right: 0 } td { border-top: 0 } }
`
