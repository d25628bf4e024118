package pli.app.screens.settings

import androidx.compose.runtime.Immutable
import org.json.JSONObject
import pli.app.session.Choices
import pli.app.ui.Sentence

@Immutable
data class SettingsState(
    val choices: Choices = Choices(),
    /** Bytes; absent until they were counted. */
    val storage: Long? = null,
    val version: String = "",
    val problem: Sentence? = null,
)

/** One of the things that Pli is made of. */
@Immutable
data class Licence(val name: String, val terms: String, val text: String)

/** Reads the list that is generated. */
fun licences(json: String): List<Licence> {
    val all = JSONObject(json)
    val texts = all.getJSONArray("texts")
    val components = all.getJSONArray("components")
    return List(components.length()) { index ->
        val one = components.getJSONObject(index)
        Licence("${one.getString("name")} ${one.getString("version")}", one.getString("licence"), texts.getString(one.getInt("text")))
    }
}
