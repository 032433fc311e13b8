import Foundation
import Rollout
import Testing

/// Steps with a few objects, and folders to run their scripts in.
enum StepFixture {
  static func policy(_ name: String, namespace: String, port: Int = 8080) -> String {
    """
    apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata:
      name: \(name)
      namespace: \(namespace)
      labels:
        app.kubernetes.io/managed-by: flowlearn
    spec:
      podSelector:
        matchLabels:
          app: \(name)
      policyTypes:
      - Ingress
      ingress:
      - ports:
        - port: \(port)
          protocol: TCP

    """
  }

  static func object(_ name: String, namespace: String) -> StepObject {
    StepObject(
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      namespace: namespace,
      name: name
    )
  }

  static func step(
    namespace: String = "shop",
    plugin: RolloutPlugin = .other,
    allowAll: AllowAll? = nil,
    logOnly: LogOnlyWay = .observe,
    replaced: [String] = []
  ) throws -> NamespaceStep {
    let rules = ["cart", "web"]
    return NamespaceStep(
      namespace: namespace,
      plugin: plugin,
      rules: StepManifest(
        file: "rules.yaml",
        yaml: rules.map { policy($0, namespace: namespace) }.joined(separator: "---\n"),
        objects: rules.map { object($0, namespace: namespace) }
      ),
      dns: StepManifest(
        file: "allow-dns.yaml",
        yaml: policy("allow-dns", namespace: namespace, port: 53),
        objects: [object("allow-dns", namespace: namespace)]
      ),
      defaultDeny: try NamespaceStep.standardDefaultDeny(namespace: namespace),
      allowAll: allowAll,
      logOnly: logOnly,
      replaced: replaced
    )
  }
}

/// A folder with the files of a step and a stand-in kubectl; deleted with the last reference.
final class StepFolder {
  let url: URL
  let store: URL

  init(_ files: [StepFile]) throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("flowlearn step \(UUID().uuidString)")
    store = url.appendingPathComponent("cluster")
    try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
    for file in files { try write(file.contents, "step/\(file.name)") }
    try write(StandInKubectl.script, "bin/kubectl")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755],
      ofItemAtPath: url.appendingPathComponent("bin/kubectl").path
    )
    try write("0", "count")
    try write("", "calls")
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ text: String, _ path: String) throws {
    let file = url.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(),
      withIntermediateDirectories: true
    )
    try text.write(to: file, atomically: true, encoding: .utf8)
  }

  func read(_ path: String) throws -> String {
    try String(contentsOf: url.appendingPathComponent(path), encoding: .utf8)
  }

  func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent(path).path)
  }

  /// Puts an object into the cluster.
  func put(_ yaml: String, _ resource: String, _ name: String) throws {
    try write(yaml, "cluster/\(resource)/\(name)")
  }

  /// The objects in the cluster with their text.
  func cluster() throws -> [String: String] {
    var objects: [String: String] = [:]
    for resource in try FileManager.default.contentsOfDirectory(atPath: store.path) {
      let folder = store.appendingPathComponent(resource).path
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        objects["\(resource)/\(name)"] = try read("cluster/\(resource)/\(name)")
      }
    }
    return objects
  }

  /// The calls so far without `--context`, and forgets them.
  func takeCalls() throws -> [String] {
    let calls = try read("calls").split(separator: "\n").map(String.init)
    try write("", "calls")
    try write("0", "count")
    return calls
  }

  struct Outcome {
    var status: Int32
    var output: String
  }

  /// Runs a script of the step.
  ///
  /// - Parameters:
  ///   - failAt: The call of kubectl that fails, from 1; 0 for none.
  ///   - afterEffect: Whether the failing call takes effect before it fails.
  func run(
    _ script: String,
    _ arguments: [String] = ["--context", "test", "--settle", "0"],
    failAt: Int = 0,
    afterEffect: Bool = false
  ) throws -> Outcome {
    try write("0", "count")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["bash", url.appendingPathComponent("step/\(script)").path] + arguments
    process.environment = [
      "PATH": url.appendingPathComponent("bin").path + ":/usr/local/bin:/usr/bin:/bin",
      "FAIL_AT": String(failAt), "FAIL_AFTER": afterEffect ? "1" : "0", "LC_ALL": "C",
    ]
    let output = url.appendingPathComponent("output")
    try "".write(to: output, atomically: true, encoding: .utf8)
    let handle = try FileHandle(forWritingTo: output)
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try handle.close()
    return Outcome(status: process.terminationStatus, output: try read("output"))
  }
}

/// A kubectl that keeps objects as files, writes down its calls and can fail at any of them.
enum StandInKubectl {
  static let script = #"""
    #!/usr/bin/env bash
    set -euo pipefail
    top=${0%/bin/kubectl}
    count=$(($(<"$top/count") + 1))
    echo "$count" >"$top/count"
    [ "$1" = '--context' ] && [ "$2" = 'test' ] || { echo "no such context" >&2; exit 9; }
    shift 2
    printf '%s\n' "${*//"$top/"/}" >>"$top/calls"
    if [ "$count" = "$FAIL_AT" ] && [ "$FAIL_AFTER" = 0 ]; then
      echo "stand-in: failed before call $count" >&2
      exit 7
    fi
    finish() {
      if [ "$count" = "$FAIL_AT" ]; then
        echo "stand-in: failed after call $count" >&2
        exit 7
      fi
      exit "${1:-0}"
    }
    words=() output='' file='' selector='' dry=0
    while [ "$#" -gt 0 ]; do
      case $1 in
        -n | -c) shift 2 ;;
        --) break ;;
        -o) output=$2; shift 2 ;;
        -f) file=$2; shift 2 ;;
        -l) selector=$2; shift 2 ;;
        --dry-run=server) dry=1; shift ;;
        --server-side | --ignore-not-found | --force-conflicts | --field-manager=*) shift ;;
        --all-namespaces) shift ;;
        -*) echo "stand-in: unknown flag $1" >&2; exit 8 ;;
        *) words+=("$1"); shift ;;
      esac
    done
    store=$top/cluster
    # Splits a file into one file a document, named RESOURCE/NAME.
    split() {
      rm -rf -- "$top/split"
      mkdir -p -- "$top/split"
      awk -v top="$top/split" '
        function flush() {
          if (kind == "") return
          group = api; sub(/\/.*/, "", group)
          plural = tolower(kind); sub(/y$/, "ies", plural)
          if (kind == "Tier") plural = "tiers"
          folder = top "/" plural "." group
          system("mkdir -p \047" folder "\047")
          printf "%s", text > (folder "/" name)
          close(folder "/" name)
          text = ""; kind = ""; name = ""
        }
        $0 == "---" { flush(); text = ""; next }
        /^apiVersion:/ { api = $2 }
        /^kind:/ { kind = $2 }
        /^[^ ]/ { metadata = ($0 == "metadata:") }
        metadata && /^  name:/ { name = $2; gsub(/"/, "", name) }
        metadata && /^  (uid|resourceVersion):/ {
          print "stand-in: server fields sent back" > "/dev/stderr"; exit 3
        }
        { text = text $0 "\n" }
        END { flush() }
      ' "$1"
    }
    case ${words[0]} in
      apply)
        [ "$file" = - ] && { cat >"$top/stdin"; file=$top/stdin; }
        split "$file"
        if [ "$dry" = 0 ]; then
          cp -R -- "$top/split/." "$store/"
        fi
        ;;
      diff)
        split "$file"
        code=0
        for path in "$top/split"/*/*; do
          cmp -s -- "$path" "$store/${path#"$top/split/"}" || code=1
        done
        finish "$code"
        ;;
      delete) rm -f -- "$store/${words[1]}/${words[2]}" ;;
      exec) cat "$top/agent" ;;
      get)
        if [ "${words[1]}" = namespace ]; then
          echo "namespace/${words[2]}"
        elif [ "${words[1]}" = configmap ]; then
          [ ! -e "$top/configmap" ] || cat "$top/configmap"
        elif [ "${words[1]}" = pods ]; then
          echo pod/cilium-1
        elif [ "${#words[@]}" = 3 ]; then
          object=$store/${words[1]}/${words[2]}
          if [ -e "$object" ]; then
            if [ "$output" = yaml ]; then
              sed 's/^metadata:$/&\n  uid: 1-2\n  resourceVersion: "7"/' "$object"
            else
              text=$(<"$object")
              owner=${text#*    app.kubernetes.io/managed-by: }
              printf '%s=' "${words[2]}"
              if [ "$owner" != "$text" ]; then printf '%s' "${owner%%$'\n'*}"; fi
            fi
          fi
        elif [ -d "$store/${words[1]}" ]; then
          for object in "$store/${words[1]}"/*; do
            [ -e "$object" ] || continue
            ours=no
            grep -q 'managed-by: flowlearn' "$object" && ours=yes
            case $selector in
              '') ;;
              *'!='*) [ "$ours" = no ] || continue ;;
              *) [ "$ours" = yes ] || continue ;;
            esac
            case $output in
              yaml) cat "$object" ;;
              name) echo "x/${object##*/}" ;;
              *metadata.namespace*)
                awk '/^  namespace:/ { space = $2 } /^  name:/ { name = $2 }
                  END { gsub(/"/, "", space); gsub(/"/, "", name); print space "/" name }' "$object"
                ;;
              *) echo "${object##*/}  $(awk '/action:/ {printf "%s ", $NF}' "$object")" ;;
            esac
          done
        fi
        ;;
      *) exit 8 ;;
    esac
    finish 0
    """#
}
