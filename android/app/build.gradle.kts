plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.compose)
}

android {
    namespace = "pli.app"
    compileSdk = libs.versions.compileSdk.get().toInt()
    defaultConfig {
        applicationId = "pli.app"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.targetSdk.get().toInt()
        versionCode = libs.versions.versionCode.get().toInt()
        versionName = libs.versions.versionName.get()
    }
    androidResources {
        localeFilters += listOf("en", "fr")
    }
    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "keep.pro")
        }
    }
    buildFeatures {
        compose = true
    }
    sourceSets.named("test") {
        kotlin.directories += "../../bindings/kotlin/src/server/kotlin"
    }
    testOptions {
        unitTests.isIncludeAndroidResources = true
    }
}

dependencies {
    implementation(project(":core"))
    implementation(libs.bundles.app)
    // What they bring along, in the versions that android/check has too.
    constraints {
        libs.bundles.appBrings.get().forEach { add("implementation", it) }
        libs.bundles.testsBring.get().forEach { add("testImplementation", it) }
    }
    testImplementation(libs.bundles.tests)
    debugImplementation(libs.compose.ui.test.manifest)
    // Android's JNA has no library for this machine; the plain jar has.
    testImplementation("${libs.jna.get()}@jar")
}

// The tests start a real server, and load the core of this machine: `cargo build -p pli -p pli-bindings`.
tasks.withType<Test>().configureEach {
    val built = System.getenv("PLI_LIBRARY") ?: rootDir.resolve("../target/debug").path
    systemProperty("jna.library.path", built)
    systemProperty("pli.program", "$built/pli")
    systemProperty("pli.build", layout.buildDirectory.get().asFile.path)
    systemProperty("robolectric.graphicsMode", "NATIVE")
    exclude("**/GalleryTest*")
}
