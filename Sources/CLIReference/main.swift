import Foundation
import JSONText

/// Reads `flowlearn --experimental-dump-help` from standard input and writes `docs/cli.md`.
let input = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
do {
  let page = try ReferencePage(JSONParser.parse(input))
  FileHandle.standardOutput.write(Data(page.text.utf8))
} catch {
  FileHandle.standardError.write(Data("Error: the help dump cannot be read: \(error)\n".utf8))
  exit(2)
}
