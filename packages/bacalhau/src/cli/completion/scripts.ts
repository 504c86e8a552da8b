/**
 * What a shell has to be told so that it asks this program what could come next. The program is given the words up to the cursor
 * and answers with a line for each possibility: the word, a tab, what it means. `:files` stands for whatever files there are.
 */
export const SCRIPTS = {
  bash: `# bash completion of bacalhau. For every shell: bacalhau completion bash > /etc/bash_completion.d/bacalhau
_bacalhau() {
  local word about
  COMPREPLY=()
  while IFS=$'\\t' read -r word about; do
    if [[ $word == ':files' ]]; then
      compopt -o default 2>/dev/null
    else
      COMPREPLY+=("$word")
    fi
  done < <(bacalhau completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _bacalhau bacalhau
`,
  zsh: `#compdef bacalhau
# zsh completion of bacalhau. For every shell: bacalhau completion zsh > "\${fpath[1]}/_bacalhau"
_bacalhau() {
  local line word
  local -a described
  for line in "\${(@f)$(bacalhau completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ':files' ]]; then
      _files
    elif [[ -n $line ]]; then
      word=\${line%%$'\\t'*}
      described+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done
  (( \${#described} )) && _describe bacalhau described
}
if [[ \${funcstack[1]} == _bacalhau ]]; then
  _bacalhau "$@"
else
  compdef _bacalhau bacalhau
fi
`,
  fish: `# fish completion of bacalhau. For every shell: bacalhau completion fish > ~/.config/fish/completions/bacalhau.fish
function __bacalhau_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in (bacalhau completion fish -- $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = ':files'
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c bacalhau -f -a '(__bacalhau_complete)'
`,
  // The word at the cursor comes with a mark before it: some versions of PowerShell do not pass on an empty argument.
  powershell: `# PowerShell completion of bacalhau. For every shell: bacalhau completion powershell >> $PROFILE
Register-ArgumentCompleter -Native -CommandName bacalhau -ScriptBlock {
  param($current, $line, $cursor)
  $before = @($line.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.ToString() })
  bacalhau completion powershell -- @before "@$current" 2>$null | Where-Object { $_ -ne ':files' } | ForEach-Object {
    $word, $about = $_ -split "\`t", 2
    if (-not $about) { $about = $word }
    [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
  }
}
`,
} as const

export type Shell = keyof typeof SCRIPTS
