import Foundation
import TestSupport
import Testing

/// What shells and kubectl make of the program.
@Suite("In shells and as a plugin")
struct CompletionTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch.withSamples()
    let filled = try Program.run(
      ["ingest", "-q", "sample-flows/hubble/flows.jsonl"],
      in: scratch.url
    )
    try #require(filled.status == 0)
  }

  @Test("Completion scripts are generated", arguments: ["bash", "zsh", "fish"])
  func scripts(_ shell: String) throws {
    let outcome = try Program.run(["--generate-completion-script", shell])
    #expect(outcome.status == 0)
    for word in ["ingest", "propose", "rollout", "cluster-wide", "--namespace"] {
      let plain = word.hasPrefix("--") ? String(word.dropFirst(2)) : word
      #expect(outcome.output.contains(plain), "\(shell) completes \(word)")
    }
  }

  @Test("In bash they offer commands, values, namespaces and files")
  func bash() throws {
    try """
    source <(flowlearn --generate-completion-script bash)
    offer() {
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=$((${#COMP_LINE}))
      COMPREPLY=()
      _flowlearn flowlearn "${@: -1}" "${@: -2:1}"
      echo "${COMPREPLY[@]}"
    }
    offer flowlearn in
    offer flowlearn flows --class ""
    offer flowlearn flows -n app
    offer flowlearn ingest sample-flows/p
    """.write(
      to: scratch.url.appendingPathComponent("offer.bash"),
      atomically: true,
      encoding: .utf8
    )
    let outcome = try Program.shell("bash --norc offer.bash", in: scratch.url)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output == """
        ingest inventory
        allowed would-deny denied explicit-deny attempt
        app-prod
        sample-flows/pods.json

        """
    )
  }

  @Test("In zsh they load")
  func zsh() throws {
    let outcome = try Program.shell(
      "command -v zsh >/dev/null || exit 9; "
        + "flowlearn --generate-completion-script zsh >_flowlearn; "
        + "zsh -f -c 'fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; "
        + "autoload +X -Uz _flowlearn; echo $_comps[flowlearn]'",
      in: scratch.url
    )
    guard outcome.status != 9 else {
      print("skipped: zsh is not there")
      return
    }
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == "_flowlearn\n")
    #expect(outcome.errors.isEmpty)
  }

  @Test("As a plugin of kubectl it is the same program, and kubectl reads what it proposes")
  func plugin() throws {
    let outcome = try Program.shell(
      """
      ln -s "$(command -v flowlearn)" kubectl-flowlearn
      flowlearn propose -q -n app-prod >expected.yaml || exit
      ./kubectl-flowlearn propose -q -n app-prod | cmp - expected.yaml || exit
      if ! command -v kubectl >/dev/null; then echo "skipped: kubectl is not there"; exit; fi
      PATH=$PWD:$PATH kubectl flowlearn propose -q -n app-prod | cmp - expected.yaml || exit
      kubectl annotate --local -f expected.yaml a=b -o yaml | grep -c 'a: b' >count || exit
      [ "$(cat count)" -eq "$(grep -c '^kind:' expected.yaml)" ]
      """,
      in: scratch.url
    )
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    if !outcome.output.isEmpty { print(outcome.output) }
  }
}
