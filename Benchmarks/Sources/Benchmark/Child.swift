import Foundation

/// What a run of a program took.
struct Measurement {
  /// Seconds on the wall.
  var wall: Double
  /// Seconds of processor time, user and system.
  var processor: Double
  /// Largest resident memory, bytes.
  var memory: Int
  /// What it printed on stdout.
  var output: String
  /// Its exit code.
  var status: Int32
}

/// Runs programs and reads what the kernel counted of them.
enum Child {
  /// Runs a program to its end.
  ///
  /// - Parameter passesErrors: Whether what it prints on stderr is shown.
  static func run(
    _ arguments: [String],
    environment: [String: String] = [:],
    passesErrors: Bool = false
  ) -> Measurement {
    var descriptors: [Int32] = [0, 0]
    pipe(&descriptors)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, descriptors[1], 1)
    posix_spawn_file_actions_addclose(&actions, descriptors[0])
    if !passesErrors {
      posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    }
    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let variables = merged.map { "\($0.key)=\($0.value)" }
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    let started = ContinuousClock.now
    var process = pid_t()
    let spawned = posix_spawnp(&process, arguments[0], &actions, nil, &argv, &envp)
    close(descriptors[1])
    posix_spawn_file_actions_destroy(&actions)
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(descriptors[0], &buffer, buffer.count), count > 0 {
      output += buffer[..<count]
    }
    close(descriptors[0])
    var status: Int32 = -1
    var usage = rusage()
    if spawned == 0 { wait4(process, &status, 0, &usage) }
    let elapsed = (ContinuousClock.now - started).components
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return Measurement(
      wall: Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18,
      processor: seconds(usage.ru_utime) + seconds(usage.ru_stime),
      memory: usage.ru_maxrss * 1024,
      output: String(decoding: output, as: UTF8.self),
      status: spawned == 0 ? status : -1
    )
  }

  /// The run with the median wall time of several.
  static func median(_ runs: Int, _ body: @escaping () -> Measurement) -> Measurement {
    medians(runs, [body])[0]
  }

  /// The same for several programs that take turns, so that a slow spell of the machine meets all of them.
  static func medians(_ runs: Int, _ bodies: [() -> Measurement]) -> [Measurement] {
    var taken = [[Measurement]](repeating: [], count: bodies.count)
    for _ in 0..<runs {
      for (index, body) in bodies.enumerated() { taken[index].append(body()) }
    }
    return taken.map { runs in
      let sorted = runs.sorted { $0.wall < $1.wall }
      return sorted[sorted.count / 2]
    }
  }
}
