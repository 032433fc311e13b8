import PolicyModel
import Testing

struct KubernetesSyntaxTests {
  @Test(
    "Labels, names and port names follow the API server",
    arguments: [
      // text, label key, label value, DNS label, subdomain, port name
      ("app", true, true, true, true, true), ("", false, true, false, false, false),
      ("a.b", true, true, false, true, false), ("a_b", true, true, false, false, false),
      ("A", true, true, false, false, false), ("-a", false, false, false, false, false),
      ("a-", false, false, false, false, false), ("1", true, true, true, true, false),
      ("a/b", true, false, false, false, false), ("a/b/c", false, false, false, false, false),
      ("/a", false, false, false, false, false), ("a/", false, false, false, false, false),
      ("A/b", false, false, false, false, false), ("a..b", true, true, false, false, false),
      ("a--b", true, true, true, true, false), ("é", false, false, false, false, false),
      ("a b", false, false, false, false, false), ("a\n", false, false, false, false, false),
      (String(repeating: "a", count: 63), true, true, true, true, false),
      (String(repeating: "a", count: 64), false, false, false, true, false),
      (String(repeating: "a", count: 254), false, false, false, false, false),
      ("abcdefghijklmno", true, true, true, true, true),
    ]
  )
  func syntax(
    text: String,
    key: Bool,
    value: Bool,
    label: Bool,
    subdomain: Bool,
    port: Bool
  ) {
    #expect(KubernetesSyntax.isLabelKey(text) == key)
    #expect(KubernetesSyntax.isLabelValue(text) == value)
    #expect(KubernetesSyntax.isDNSLabel(text) == label)
    #expect(KubernetesSyntax.isDNSSubdomain(text) == subdomain)
    #expect(KubernetesSyntax.isPortName(text) == port)
  }
}
