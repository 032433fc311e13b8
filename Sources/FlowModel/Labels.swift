/// A set of Kubernetes labels, sorted by key.
package struct Labels: Hashable, Sendable {
  /// One label.
  package struct Element: Hashable, Sendable {
    /// The key with its prefix, such as `app.kubernetes.io/name`.
    package var key: String
    /// The value; may be empty.
    package var value: String

    /// Makes a label.
    package init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// The labels, sorted by key, keys unique.
  package private(set) var elements: [Element]

  /// Makes a set; of a key given twice the last value counts.
  package init(_ pairs: some Sequence<(String, String)>) {
    elements = []
    // Logs write labels in order as a rule, and few of them: most go to the end.
    for (key, value) in pairs {
      if let last = elements.last, last.key >= key {
        self[key] = value
      } else {
        elements.append(Element(key: key, value: value))
      }
    }
  }

  /// Makes a set of labels whose keys are known to be in ascending order.
  package init(ascending elements: [Element]) {
    assert(zip(elements, elements.dropFirst()).allSatisfy { $0.key < $1.key })
    self.elements = elements
  }

  /// Makes the empty set.
  package init() { elements = [] }

  /// Whether there are no labels.
  package var isEmpty: Bool { elements.isEmpty }
  /// The number of labels.
  package var count: Int { elements.count }
  /// The keys, sorted.
  package var keys: [String] { elements.map(\.key) }

  /// The value of a key; setting nil removes it.
  package subscript(key: String) -> String? {
    get {
      var low = 0
      var high = elements.count
      while low < high {
        let middle = (low + high) / 2
        if elements[middle].key < key { low = middle + 1 } else { high = middle }
      }
      return low < elements.count && elements[low].key == key ? elements[low].value : nil
    }
    set {
      let index = elements.firstIndex { $0.key >= key } ?? elements.count
      let found = index < elements.count && elements[index].key == key
      if let newValue {
        if found {
          elements[index].value = newValue
        } else {
          elements.insert(Element(key: key, value: newValue), at: index)
        }
      } else if found {
        elements.remove(at: index)
      }
    }
  }

  /// The labels that both sets have with the same value.
  package func intersection(_ other: Labels) -> Labels {
    var result = Labels()
    result.elements = elements.filter { other[$0.key] == $0.value }
    return result
  }

  /// Whether every label of this set is in the other with the same value.
  package func isSubset(of other: Labels) -> Bool {
    elements.allSatisfy { other[$0.key] == $0.value }
  }

  /// The labels that pass a test.
  package func filter(_ keep: (Element) -> Bool) -> Labels {
    var result = Labels()
    result.elements = elements.filter(keep)
    return result
  }
}

extension Labels: ExpressibleByDictionaryLiteral {
  /// Makes a set from literal pairs.
  package init(dictionaryLiteral pairs: (String, String)...) { self.init(pairs) }
}

extension Labels: Comparable {
  /// Lexicographic by key, then value.
  package static func < (left: Labels, right: Labels) -> Bool {
    left.elements.lexicographicallyPrecedes(right.elements) {
      $0.key != $1.key ? $0.key < $1.key : $0.value < $1.value
    }
  }
}

extension Labels: CustomStringConvertible {
  /// `a=b,c=d`, as kubectl prints them.
  package var description: String {
    elements.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
  }
}
