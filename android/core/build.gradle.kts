import org.gradle.process.ExecOperations
import javax.inject.Inject

plugins {
    alias(libs.plugins.android.library)
}

/** Pli for Kotlin: what is written by hand, what is generated from the core, and the core for phones. */
val repository: Directory = layout.projectDirectory.dir("../..")

android {
    namespace = "pli.core"
    compileSdk = libs.versions.compileSdk.get().toInt()
    ndkVersion = libs.versions.ndk.get()
    defaultConfig {
        minSdk = libs.versions.minSdk.get().toInt()
    }
    sourceSets.named("main") {
        kotlin.directories += listOf("../../bindings/kotlin/src/main/kotlin", "../../bindings/kotlin/android")
    }
}

dependencies {
    api(libs.coroutines.android)
    api("${libs.jna.get()}@aar")
}

/** The core for phones, by cargo and cargo-ndk, which are to be installed, with Rust's targets for Android. */
abstract class CargoNdk @Inject constructor(private val exec: ExecOperations) : DefaultTask() {
    @get:Internal abstract val repository: DirectoryProperty
    @get:InputFiles @get:PathSensitive(PathSensitivity.RELATIVE) abstract val sources: ConfigurableFileCollection
    @get:Input abstract val minSdk: Property<String>
    @get:Input abstract val ndk: Property<String>
    @get:OutputDirectory abstract val libraries: DirectoryProperty

    @TaskAction
    fun build() {
        val targets = listOf("arm64-v8a", "armeabi-v7a", "x86_64").flatMap { listOf("-t", it) }
        exec.exec {
            workingDir(root)
            environment("ANDROID_NDK_HOME", ndk.get())
            commandLine(
                listOf("cargo", "ndk") + targets + listOf("-P", minSdk.get(), "-o", libraries.get().asFile.path) +
                    listOf("build", "--locked", "--profile", "mobile", "-p", "pli-bindings"),
            )
        }
    }
}

/** Kotlin as the generator writes it, from the core built for this machine. */
abstract class GenerateBindings @Inject constructor(private val exec: ExecOperations) : DefaultTask() {
    @get:Internal abstract val repository: DirectoryProperty
    @get:InputFiles @get:PathSensitive(PathSensitivity.RELATIVE) abstract val sources: ConfigurableFileCollection
    @get:OutputDirectory abstract val written: DirectoryProperty

    @TaskAction
    fun generate() {
        exec.exec {
            workingDir(root)
            commandLine("cargo", "build", "--locked", "-p", "pli-bindings", "--features", "bindgen")
        }
        val target = root.get().dir("target/debug")
        val library = listOf("libpli.so", "libpli.dylib").map { target.file(it).asFile }.first { it.exists() }
        exec.exec {
            workingDir(root)
            commandLine(
                target.file("pli-bindgen").asFile.path, "generate", "--language", "kotlin", "--no-format",
                "--out-dir", written.get().asFile.path, library.path,
            )
        }
    }
}

val rust = files(
    listOf("core", "env", "proto", "bindings").map { folder ->
        fileTree(repository.dir(folder)) { include("**/*.rs", "**/*.toml", "**/*.proto") }
    },
    repository.file("Cargo.lock"),
)

val cargoNdk = tasks.register<CargoNdk>("cargoNdk") {
    root = repository
    sources.from(rust)
    minSdk = libs.versions.minSdk
    ndk = androidComponents.sdkComponents.ndkDirectory.map { it.asFile.path }
}

val generateBindings = tasks.register<GenerateBindings>("generateBindings") {
    root = repository
    sources.from(rust)
}

androidComponents {
    onVariants { variant ->
        variant.sources.jniLibs?.addGeneratedSourceDirectory(cargoNdk, CargoNdk::libraries)
        variant.sources.kotlin?.addGeneratedSourceDirectory(generateBindings, GenerateBindings::written)
    }
}
