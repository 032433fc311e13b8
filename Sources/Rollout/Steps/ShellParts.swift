/// The fixed parts of the scripts; every name from outside is in a quoted variable set before them.
enum ShellParts {
  /// Reads the arguments.
  static func arguments(script: String, hasAllowAll: Bool) -> String {
    let extra =
      switch script {
      case "verify.sh" where hasAllowAll:
        (usage: " [--during-switch]", start: "expected='absent'\n", cases: during)
      case "verify.sh": (usage: "", start: "", cases: "")
      case "rollback.sh":
        (
          usage: " [--settle SECONDS] [--without-backup]",
          start: "settle=10\nwithout_backup='no'\n", cases: settle + withoutBackup
        )
      default: (usage: " [--settle SECONDS]", start: "settle=10\n", cases: settle)
      }
    let folder =
      script == "verify.sh" ? "" : "backup=$here/backup\n"
    return #"""
      here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

      """# + folder + "context=''\n" + extra.start + #"""

        usage() {
          echo "usage: \#(script) --context NAME\#(extra.usage)" >&2
          echo "--context names the cluster; kubectl's current context is never used." >&2
          exit 64
        }

        while [ "$#" -gt 0 ]; do
          case $1 in
            --context)
              [ "$#" -ge 2 ] || usage
              context=$2
              shift 2
              ;;

        """# + extra.cases + #"""
              *) usage ;;
            esac
          done
          [ -n "$context" ] || usage

          k() { kubectl --context "$context" "$@"; }


          """#
  }

  private static let settle = #"""
        --settle)
          [ "$#" -ge 2 ] || usage
          case $2 in '' | *[!0-9]*) usage ;; esac
          settle=$2
          shift 2
          ;;

    """#

  private static let during = #"""
        --during-switch)
          expected='present'
          shift
          ;;

    """#

  private static let withoutBackup = #"""
        --without-backup)
          without_backup='yes'
          shift
          ;;

    """#

  /// Says at an early end where things stand and how to go on.
  static func stopped(script: String) -> String {
    let next =
      switch script {
      case "apply.sh":
        "Put right what is said above and run apply.sh again; to give up, run "
          + "rollback.sh --context '$context'."
      case "rollback.sh": "Put right what is said above and run rollback.sh again."
      default: "What is missing or different is said above."
      }
    let state =
      script == "verify.sh" ? "It only looks." : "This run has changed nothing."
    return #"""
      step='starting'
      state='\#(state)'
      stopped() {
        code=$?
        if [ "$code" -ne 0 ]; then
          {
            echo
            echo "\#(script) stopped (exit $code) while $step."
            echo "$state"
            echo "\#(next)"
          } >&2
        fi
      }
      trap stopped EXIT


      """#
  }

  /// Functions that ask whose an object is.
  static let ownership = #"""
    # Prints NAME=OWNER for an object "RESOURCE NAME"; nothing when it is not there.
    live() {
      k get "${1%% *}" "${1#* }" ${scope[@]+"${scope[@]}"} --ignore-not-found \
        -o 'jsonpath={.metadata.name}={.metadata.labels.app\.kubernetes\.io/managed-by}'
    }


    """#

  /// Functions that save what is live, once.
  static func save(hasAllowAll: Bool) -> String {
    saving.replacing(
      "@replaced@",
      with: hasAllowAll ? " ${replaced[@]+\"${replaced[@]}\"}" : ""
    )
  }

  private static let saving = #"""
    require_ours() {
      found=$(live "$1")
      case $found in
        '' | "${1#* }=$owner") ;;
        *)
          echo "$1 exists without the label $label: $owner." >&2
          echo "It belongs to somebody else and is not overwritten: rename it or label it." >&2
          exit 1
          ;;
      esac
    }

    # Saves the output of kubectl get in a file, unless an earlier run has.
    save_once() {
      target=$backup/$1
      shift
      if [ ! -e "$target" ]; then
        mkdir -p -- "$(dirname -- "$target")"
        k get "$@" ${scope[@]+"${scope[@]}"} --ignore-not-found -o yaml >"$target.partial"
        mv -- "$target.partial" "$target"
      fi
    }

    check_backup() {
      if [ -e "$backup/context" ] && [ "$(cat -- "$backup/context")" != "$context" ]; then
        echo "$backup was saved from context '$(cat -- "$backup/context")', not '$context'." >&2
        echo "Use a folder of its own for each cluster." >&2
        exit 1
      fi
    }

    save_live() {
      step='saving the live policies'
      mkdir -p -- "$backup"
      if [ ! -e "$backup/context" ]; then
        printf '%s\n' "$context" >"$backup/context.partial"
        mv -- "$backup/context.partial" "$backup/context"
      fi
      for resource in "${saved_resources[@]}"; do
        save_once "live/$resource.yaml" "$resource"
      done
      for object in "${objects[@]}"@replaced@; do
        save_once "objects/${object%% *}/${object#* }.yaml" "${object%% *}" "${object#* }"
      done
      : >"$backup/complete"
    }


    """#

  /// A function that applies a file; the label, not the field manager, says whose an object is.
  static let applyFile = #"""
    apply_file() {
      k apply --server-side --force-conflicts --field-manager="$owner" "${@:2}" -f "$1"
    }


    """#

  /// A function that refuses to pass over explicit Calico Denies.
  static let denies = #"""
    refuse_denies() {
      step='looking for Calico policies that deny'
      others="$label!=$owner"
      actions='{.metadata.name}{" "}{.spec.ingress[*].action}{" "}{.spec.egress[*].action}{"\n"}'
      format="jsonpath={range .items[*]}$actions{end}"
      global=$(k get globalnetworkpolicies.projectcalico.org -l "$others" -o "$format")
      own=$(k get networkpolicies.projectcalico.org "${scope[@]}" -l "$others" -o "$format")
      denying=$(printf '%s\n%s\n' "$global" "$own" | awk '/ Deny( |$)/ { print $1 }')
      if [ -n "$denying" ]; then
        echo "These Calico policies deny; the temporary allow-all would go before them:" >&2
        printf '%s\n' "$denying" >&2
        echo "Add the live policies (flowlearn inventory add) and write the files again." >&2
        exit 1
      fi
    }


    """#

  /// Asks whether the cluster answers and the namespace is there.
  static func checkTarget(_ namespace: String?) -> String {
    let name = namespace == nil ? "kube-system" : "\"$namespace\""
    return """
      step='asking the cluster'
      k get namespace \(name) -o name


      """
  }

  /// Functions that put one object back as it was.
  static func restore(hasAllowAll: Bool) -> String {
    let loop = #"""
        for object in ${replaced[@]+"${replaced[@]}"}; do
          take_back "$object"
        done

      """#
    return restoring.replacing("@replaced@", with: hasAllowAll ? loop : "")
  }

  private static let restoring = #"""
    # What the server sets itself must not be sent back.
    without_server_fields() {
      awk '
        /^[^ ]/ { metadata = ($0 == "metadata:") }
        metadata && /^  (resourceVersion|uid|creationTimestamp|generation|selfLink):/ { next }
        { print }
      ' "$1"
    }

    take_back() {
      step="taking back $1"
      saved=$backup/objects/${1%% *}/${1#* }.yaml
      found=$(live "$1")
      case $found in
        '' | "${1#* }=$owner") ;;
        *)
          echo "left alone, it does not carry the label $label: $owner: $1"
          return
          ;;
      esac
      if [ "$without_backup" = 'no' ] && [ ! -e "$saved" ]; then
        echo "left alone, it was not written from here: $1"
      elif [ "$without_backup" = 'no' ] && [ -s "$saved" ]; then
        without_server_fields "$saved" | apply_file -
      elif [ -n "$found" ]; then
        k delete "${1%% *}" "${1#* }" ${scope[@]+"${scope[@]}"} --ignore-not-found
      fi
    }

    take_back_all() {
      for ((index = ${#objects[@]} - 1; index >= 0; index--)); do
        take_back "${objects[index]}"
      done
    @replaced@}

    step='looking for what apply.sh saved'
    if [ "$without_backup" = 'no' ]; then
      if [ ! -e "$backup/complete" ]; then
        echo "apply.sh never got as far as writing anything from this folder." >&2
        echo "If the policies were applied from a copy of it: --without-backup deletes them." >&2
        exit 1
      fi
      if [ "$(cat -- "$backup/context")" != "$context" ]; then
        echo "$backup was saved from context '$(cat -- "$backup/context")', not '$context'." >&2
        exit 1
      fi
    fi


    """#

  /// `verify.sh` after its preamble.
  static func verify(hasAllowAll: Bool, plugin: RolloutPlugin) -> String {
    let audit =
      plugin == .cilium
      ? #"""

      if [ "$expected" = 'absent' ]; then
        step='asking whether Cilium only audits'
        audit=$(k -n kube-system get configmap cilium-config --ignore-not-found \
          -o 'jsonpath={.data.policy-audit-mode}')
        if [ "$audit" = 'true' ]; then
          problem "Cilium's policy audit mode is on, so nothing is enforced"
        fi
      fi

      """# : ""
    let allowAll =
      hasAllowAll
      ? #"""

      step='looking for the temporary allow-all'
      found=$(live "$allow_all")
      if [ "$expected" = 'absent' ] && [ -n "$found" ]; then
        problem "the temporary allow-all is still there, so nothing is enforced"
      elif [ "$expected" = 'present' ] && [ "$found" != "${allow_all#* }=$owner" ]; then
        problem "the temporary allow-all is gone before the rules were verified"
      fi

      step='looking for what the files replace'
      for object in ${replaced[@]+"${replaced[@]}"}; do
        found=$(live "$object")
        if [ "$expected" = 'absent' ] && [ "$found" = "${object#* }=$owner" ]; then
          problem "$object is still there"
        fi
      done

      """# + audit : ""
    return #"""
      problems=0
      problem() {
        echo "verify: $1" >&2
        problems=$((problems + 1))
      }

      step='asking for the objects'
      for object in "${objects[@]}"; do
        found=$(live "$object")
        case $found in
          '') problem "$object is missing" ;;
          "${object#* }=$owner") ;;
          *) problem "$object does not carry the label $label: $owner" ;;
        esac
      done

      step='comparing the objects with the files'
      for file in "${files[@]}"; do
        code=0
        k diff --server-side --force-conflicts --field-manager="$owner" -f "$here/$file" || code=$?
        case $code in
          0) ;;
          1) problem "$file differs from what is in the cluster" ;;
          *) exit "$code" ;;
        esac
      done

      """# + allowAll + #"""

        step='reporting'
        if [ "$problems" -ne 0 ]; then
          exit 1
        fi
        echo "verified: ${#objects[@]} objects are in the cluster as written"

        """#
  }
}
