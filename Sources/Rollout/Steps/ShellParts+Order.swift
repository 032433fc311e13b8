// In which order a namespace is switched over, and back.

extension ShellParts {
  /// The order of `apply.sh` for a namespace.
  static func applySwitch(refusesDenies: Bool, plugin: RolloutPlugin) -> String {
    let denies = refusesDenies ? "refuse_denies\n" : ""
    let audit = plugin == .cilium ? auditBefore : ""
    let notice = plugin == .cilium ? auditAfter : ""
    return #"""
      step='checking the saved state'
      check_backup
      step='checking whose the objects are'
      for object in "$allow_all" "${objects[@]}"; do
        require_ours "$object"
      done

      """# + denies + audit + #"""
        step='trying the files on the server (dry run)'
        for file in "$allow_all_file" "${files[@]}"; do
          apply_file "$here/$file" --dry-run=server
        done
        save_live

        step='applying the temporary allow-all'
        state='No rule was changed by this run. The temporary allow-all may be in place.'
        apply_file "$here/$allow_all_file"
        found=$(live "$allow_all")
        if [ "$found" != "${allow_all#* }=$owner" ]; then
          echo "$allow_all was applied but is not there: does something delete it?" >&2
          exit 1
        fi
        sleep "$settle"

        state='The temporary allow-all is in place, so nothing is cut off.'
        for file in "${files[@]}"; do
          step="applying $file"
          apply_file "$here/$file"
        done
        sleep "$settle"

        step='verifying'
        bash "$here/verify.sh" --context "$context" --during-switch

        for object in ${replaced[@]+"${replaced[@]}"}; do
          step="taking away $object"
          found=$(live "$object")
          if [ "$found" = "${object#* }=$owner" ]; then
            k delete "${object%% *}" "${object#* }" "${scope[@]}" --ignore-not-found
          fi
        done

        step='taking the temporary allow-all away'
        state='All policies are in place and verified; they enforce once the allow-all is gone.'
        k delete "${allow_all%% *}" "${allow_all#* }" "${scope[@]}" --ignore-not-found
        echo "The policies of $namespace are in force. Way back: rollback.sh --context '$context'."

        """# + notice
  }

  /// Asks for Cilium's audit mode; the default-denies of other audits must be gone before it ends.
  private static let auditBefore = #"""
    step='asking whether Cilium only audits'
    audit=$(k -n kube-system get configmap cilium-config --ignore-not-found \
      -o 'jsonpath={.data.policy-audit-mode}')
    if [ "$audit" = 'true' ]; then
      format='jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}'
      listed=$(k get ciliumnetworkpolicies.cilium.io --all-namespaces -l "$label=$owner" -o "$format")
      others=$(awk -v own="$namespace/" \
        '/\/flowlearn-log-only$/ && index($0, own) != 1' <<<"$listed")
      if [ -n "$others" ]; then
        echo "Policy audit mode is on. Once it is off, these default-denies enforce, without rules:" >&2
        printf '%s\n' "$others" >&2
        echo "Run rollback.sh of their log-only folders first." >&2
        exit 1
      fi
    fi

    """#

  /// Says that nothing is enforced yet.
  private static let auditAfter = #"""
    if [ "$audit" = 'true' ]; then
      echo "Policy audit mode is still on, so nothing is enforced yet. Switch it off now (README.md),"
      echo "then run verify.sh --context '$context'."
    fi

    """#

  /// The order of `apply.sh` where nothing needs an allow-all.
  static let applyPlain = #"""
    step='checking the saved state'
    check_backup
    step='checking whose the objects are'
    for object in "${objects[@]}"; do
      require_ours "$object"
    done
    step='trying the files on the server (dry run)'
    for file in "${tried[@]}"; do
      apply_file "$here/$file" --dry-run=server
    done
    save_live

    for file in "${files[@]}"; do
      step="trying $file on the server (dry run)"
      apply_file "$here/$file" --dry-run=server
      step="applying $file"
      state='Part of the policies may be in place.'
      apply_file "$here/$file"
    done
    sleep "$settle"
    step='verifying'
    state='All policies are in place.'
    bash "$here/verify.sh" --context "$context"
    echo "The policies are in place. Way back: rollback.sh --context '$context'."

    """#

  /// The order of `rollback.sh` for a namespace.
  static func rollbackSwitch(_ plugin: RolloutPlugin) -> String {
    let kind: String? =
      switch plugin {
      case .cilium: "ciliumclusterwidenetworkpolicies.cilium.io"
      case .calico: "globalnetworkpolicies.projectcalico.org"
      case .aws, .gke, .other: nil
      }
    let check =
      kind.map { kind in
        #"""
        step='looking for a cluster-wide default-deny'
        found=$(k get \#(kind) flowlearn-default-deny --ignore-not-found -o name)
        if [ -n "$found" ]; then
          echo "The cluster-wide default-deny is in force and would cut the namespace off." >&2
          echo "The temporary allow-all stays. Run rollback.sh of the cluster-wide policies first." >&2
          exit 1
        fi


        """#
      } ?? ""
    return rollbackBegin + check + rollbackEnd
  }

  private static let rollbackBegin = #"""
    step='checking whose the temporary allow-all is'
    found=$(live "$allow_all")
    case $found in
      '' | "${allow_all#* }=$owner") ;;
      *)
        echo "$allow_all exists without the label $label: $owner: rename it or label it." >&2
        exit 1
        ;;
    esac
    step='applying the temporary allow-all'
    state='No rule was changed by this run. The temporary allow-all may be in place.'
    apply_file "$here/$allow_all_file"
    sleep "$settle"

    state='The temporary allow-all is in place, so nothing is cut off.'
    take_back_all
    sleep "$settle"

    """#

  private static let rollbackEnd = #"""
    step='taking the temporary allow-all away'
    state='All is as it was before; the temporary allow-all may still be in place.'
    k delete "${allow_all%% *}" "${allow_all#* }" "${scope[@]}" --ignore-not-found
    echo "The policies of $namespace are as before. Put it on record:"
    echo "  flowlearn rollout rollback -n $namespace --reason TEXT"

    """#

  /// The order of `rollback.sh` where nothing needs an allow-all.
  static let rollbackPlain = #"""
    state='Part of the policies may be taken back.'
    take_back_all
    sleep "$settle"
    echo "The policies are as before."

    """#
}
