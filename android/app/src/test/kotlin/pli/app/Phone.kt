package pli.app

import android.content.ComponentName
import android.content.Intent
import android.content.pm.ActivityInfo
import androidx.compose.ui.platform.ViewRootForTest
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.semantics.getOrNull
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.SemanticsNodeInteraction
import androidx.compose.ui.test.hasAnyAncestor
import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.isDialog
import androidx.compose.ui.test.junit4.ComposeTestRule
import androidx.compose.ui.test.junit4.v2.createEmptyComposeRule
import androidx.compose.ui.test.longClick
import androidx.compose.ui.test.onFirst
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performTextReplacement
import androidx.compose.ui.test.performTouchInput
import androidx.test.core.app.ActivityScenario
import androidx.test.core.app.ApplicationProvider
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Before
import org.junit.Rule
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import pli.Client
import pli.Conversation
import pli.FileKeyStore
import pli.app.session.Device
import pli.app.session.Keys
import pli.app.session.Session
import pli.server.PATIENCE_MS

/** A second phone, in the same process: another store, and an activity of its own that shows it. */
class SecondActivity : MainActivity() {
    override val session: Session get() = checkNotNull(second)

    companion object {
        var second: Session? = null
    }
}

/** What a person sees and does on one of them. */
class Phone(
    private val rule: ComposeTestRule,
    val session: Session,
    private val launched: ActivityScenario<out MainActivity>?,
    private val onActivity: ((MainActivity) -> Unit) -> Unit = { doing -> checkNotNull(launched).onActivity { doing(it) } },
) {
    val scenario: ActivityScenario<out MainActivity> get() = checkNotNull(launched)
    val client: Client get() = (session.device.value as Device.Open).client

    private val here: SemanticsMatcher
        get() {
            var activity: MainActivity? = null
            onActivity { activity = it }
            return SemanticsMatcher("on this phone") { node ->
                generateSequence((node.root as ViewRootForTest).view.context) { (it as? android.content.ContextWrapper)?.baseContext }
                    .any { it === activity }
            }
        }

    fun count(what: SemanticsMatcher): Int = rule.onAllNodes(what and here).fetchSemanticsNodes(atLeastOneRootRequired = false).size

    fun places(what: SemanticsMatcher) = rule.onAllNodes(what and here).fetchSemanticsNodes(false).map { "${it.boundsInRoot} ${it.config}" }

    fun wait(what: SemanticsMatcher): SemanticsNodeInteraction {
        await("${what.description} is not shown") { count(what) > 0 }
        return rule.onAllNodes(what and here).onFirst()
    }

    fun await(failure: String, right: () -> Boolean) {
        try {
            rule.waitUntil(PATIENCE_MS) { right() }
        } catch (late: androidx.compose.ui.test.ComposeTimeoutException) {
            throw AssertionError("$failure; there is: ${words()}", late)
        }
    }

    /** All that is on the screen, for those who look why something is not. */
    fun words(): List<String> = rule.onAllNodes(here).fetchSemanticsNodes(false).mapNotNull { node ->
        val config = node.config
        val said = config.getOrNull(SemanticsProperties.Text).orEmpty().map { it.text } +
            config.getOrNull(SemanticsProperties.ContentDescription).orEmpty() +
            listOfNotNull(config.getOrNull(SemanticsProperties.EditableText)?.text)
        said.joinToString("|").take(80).ifEmpty { null }
    }

    /** The texts that begin so, as they stand from the top. */
    fun standing(beginning: String): List<String> = rule.onAllNodes(here and hasText(beginning, substring = true))
        .fetchSemanticsNodes(false).filter { it.layoutInfo.isPlaced && it.boundsInRoot.height > 0 }.sortedBy { it.positionInRoot.y }
        .mapNotNull { node -> node.config[SemanticsProperties.Text].map { it.text }.find { it.startsWith(beginning) } }

    fun sees(text: String, part: Boolean = false) = wait(hasText(text, substring = part))

    fun sees(text: Int, vararg arguments: Any) = sees(string(text, *arguments))

    fun gone(text: String) = await("“$text” is still shown") { count(hasText(text)) == 0 }

    fun gone(text: Int) = gone(string(text))

    fun tap(text: String) = wait(hasText(text) or hasContentDescription(text)).performClick()

    fun tap(text: Int, vararg arguments: Any) = tap(string(text, *arguments))

    /** Taps what stands in the dialog that is open. */
    fun choose(text: Int) = wait((hasText(string(text))) and hasAnyAncestor(isDialog())).performClick()

    /** Presses what shows this text for long: what can be done with it comes. */
    fun hold(text: String) = wait(hasText(text)).performTouchInput { longClick() }

    /** Types into the one field that there is: while screens change there may be two. */
    fun type(text: String) {
        await("there is not one field") { count(hasSetTextAction()) == 1 }
        wait(hasSetTextAction()).performTextReplacement(text)
    }

    /** Types into the field of this label. */
    fun typeInto(label: Int, text: String) = wait(hasSetTextAction() and hasText(string(label))).performTextReplacement(text)

    /** Writes and sends. */
    fun say(text: String) {
        type(text)
        tap(R.string.conversation_send)
        sees(text)
    }

    fun back() = onActivity { it.onBackPressedDispatcher.onBackPressed() }

    fun string(id: Int, vararg arguments: Any): String {
        var text = ""
        onActivity { text = it.getString(id, *arguments) }
        return text
    }

    fun plural(id: Int, count: Int, vararg arguments: Any): String {
        var text = ""
        onActivity { text = it.resources.getQuantityString(id, count, *arguments) }
        return text
    }
}

/** Tests drive the real activity, over the real core. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35], qualifiers = "w400dp-h800dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
abstract class OnPhone {
    @get:Rule val rule: ComposeTestRule = createEmptyComposeRule()
    protected val app: App get() = ApplicationProvider.getApplicationContext()
    protected val scenarios = ArrayList<ActivityScenario<*>>()

    @Before fun keys() {
        Keys.of = { context, name -> FileKeyStore(File(context.noBackupFilesDir, "$name.key").path) }
    }

    @After fun end() {
        scenarios.forEach { runCatching { it.close() } }
        listOfNotNull(app.session, SecondActivity.second).forEach { (it.device.value as? Device.Open)?.client?.close() }
        SecondActivity.second = null
    }

    /** The phone under test, as it is when Pli was just installed. */
    fun phone(): Phone {
        val scenario = ActivityScenario.launch(MainActivity::class.java)
        scenarios += scenario
        return Phone(rule, app.session, scenario)
    }
}

/** The same, against a real server. */
abstract class OnPhones : OnPhone() {
    protected lateinit var world: World
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    @Before fun found() {
        world = World()
    }

    @After fun lost() = world.close()

    /** The phone of a person who joined. */
    fun phoneOf(name: String): Phone {
        runBlocking { app.session.join(world.invite(name)) }
        return phone().apply { sees(R.string.conversations_title) }
    }

    /** The phone in a talk with a person without a screen, who said something. */
    fun talk(): Triple<Phone, Client, Conversation> {
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        val there = runBlocking { bruno.pair(bruno.find("Anne Martin").id).also { it.send("Bonjour Anne") } }
        anne.tap("Bruno Petit")
        anne.sees("Bonjour Anne")
        anne.wait(hasSetTextAction())
        return Triple(anne, bruno, there)
    }

    /** A second phone, in another store. */
    fun second(name: String): Phone {
        val session = Session(world.place("second"), { FileKeyStore(world.place("second-$it.key").path) }, scope)
        runBlocking { session.join(world.invite(name)) }
        SecondActivity.second = session
        val component = ComponentName(app, SecondActivity::class.java)
        shadowOf(app.packageManager).addOrUpdateActivity(
            ActivityInfo().apply {
                this.name = component.className
                packageName = component.packageName
                theme = R.style.App
            },
        )
        val scenario = ActivityScenario.launch<SecondActivity>(Intent().setComponent(component))
        scenarios += scenario
        return Phone(rule, session, scenario).apply { sees(R.string.conversations_title) }
    }
}
