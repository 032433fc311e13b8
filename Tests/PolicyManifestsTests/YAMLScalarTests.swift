import Testing

@testable import PolicyManifests

struct YAMLScalarTests {
  @Test(
    "Plain scalars are read as YAML 1.1",
    arguments: [
      ("", YAMLScalar.null), ("~", .null), ("Null", .null), ("y", .boolean(true)),
      ("OFF", .boolean(false)), ("0", .integer(0)), ("-12", .integer(-12)), ("+7", .integer(7)),
      ("1_000", .integer(1000)), ("0x1F", .integer(31)), ("0b101", .integer(5)),
      ("0o17", .integer(15)), ("017", .integer(15)), ("1e3", .number(1000)), (".5", .number(0.5)),
      ("1.", .number(1)), ("-1.5e-1", .number(-0.15)), ("08", .integer(8)),
      ("9223372036854775808", .number(9_223_372_036_854_775_808)),
      ("-0x-8000000000000000", .string("-0x-8000000000000000")), ("0x", .string("0x")),
      ("1e", .string("1e")), (".", .string(".")), ("-", .string("-")), ("1.2.3", .string("1.2.3")),
      ("10.0.0.0/8", .string("10.0.0.0/8")), ("1e999", .string("1e999")), ("_1", .string("_1")),
      ("2001-01-01", .string("2001-01-01")), ("1:30", .string("1:30")), ("nO", .string("nO")),
    ]
  )
  func plain(text: String, expected: YAMLScalar) {
    #expect(YAMLScalar(plain: text) == expected)
  }
}
